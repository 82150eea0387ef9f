#include <fcntl.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/append_file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nfopt {

AppendFile::AppendFile(std::filesystem::path path, Open open) : path_(std::move(path)) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (open == Open::new_only ? O_EXCL : 0);
  file_ = ::open(path_.c_str(), flags, 0644);
  if (file_ < 0) fail(errno);
}

AppendFile::~AppendFile() {
  if (file_ >= 0) ::close(file_);
}

void AppendFile::append(std::string_view record) {
  const off_t before = ::lseek(file_, 0, SEEK_END);
  for (size_t done = 0; done < record.size();) {
    const ssize_t wrote = ::write(file_, record.data() + done, record.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const int code = wrote < 0 ? errno : EIO;
      if (before >= 0 && ::ftruncate(file_, before) != 0) fail(code);
      fail(code);
    }
    done += static_cast<size_t>(wrote);
  }
}

void AppendFile::sync() {
  // EINVAL: a file that cannot be synchronised, such as a pipe.
  if (::fsync(file_) != 0 && errno != EINVAL) fail(errno);
}

void AppendFile::fail(int code) const {
  throw Error("log", "cannot write '" + path_.string() + "': " + std::strerror(code) + ".");
}

}  // namespace nfopt
