#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <streambuf>
#include <system_error>
#include <vector>

namespace nfopt {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// A file descriptor that is closed on every path out of a function.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd);
  }

 private:
  int fd_;
};

/// Writes to a descriptor and remembers the first error, which std::ofstream would lose.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int fd) : fd_(fd), buffer_(1 << 16) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }
  int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override {
    if (!drain()) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      *pptr() = traits_type::to_char_type(c);
      pbump(1);
    }
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* data, std::streamsize n) override {
    if (n < epptr() - pptr()) return std::streambuf::xsputn(data, n);
    return drain() && write_all(data, static_cast<size_t>(n)) ? n : 0;  // large blocks need no copy
  }
  int sync() override { return drain() ? 0 : -1; }

 private:
  bool drain() {
    const bool written = write_all(pbase(), static_cast<size_t>(pptr() - pbase()));
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return written;
  }
  bool write_all(const char* data, size_t n) {
    while (n > 0 && error_ == 0) {
      const ssize_t written = ::write(fd_, data, n);
      if (written < 0) {
        if (errno != EINTR) error_ = errno;
        continue;
      }
      data += written;
      n -= static_cast<size_t>(written);
    }
    return error_ == 0;
  }

  int fd_;
  int error_ = 0;
  std::vector<char> buffer_;
};

/// A name nobody else uses, in the folder of `path`: rename is atomic within one file system only.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<uint64_t> count{0};
  return path.parent_path() /
         ("." + path.filename().string() + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& action, int error) {
  throw Error("files", "'" + path.string() + "' cannot be written: " + action + ": " + reason(error) +
                           ". An older file of this name is unchanged.");
}

}  // namespace

void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  const std::filesystem::path temporary = temporary_name(path);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(path, "creating a file in its folder", errno);
  try {
    DescriptorBuffer buffer(file.get());
    std::ostream stream(&buffer);
    write(stream);
    stream.flush();
    if (buffer.error() != 0) fail(path, "writing", buffer.error());
    if (!stream) fail(path, "writing", EIO);
    if (::fsync(file.get()) != 0) fail(path, "flushing to disk", errno);
    if (file.close() != 0) fail(path, "closing", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "renaming the finished file", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  // The new name itself must reach the disk. Some file systems cannot sync a folder; the file is complete all the same.
  const std::filesystem::path folder = path.parent_path().empty() ? "." : path.parent_path();
  Descriptor folder_descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder_descriptor.get() >= 0) ::fsync(folder_descriptor.get());
}

void write_atomically(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, [&](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
}

std::string read_file(const std::filesystem::path& path) {
  const auto unreadable = [&](int error) {
    return Error("files", "'" + path.string() + "' cannot be read: " + reason(error) + ".");
  };
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw unreadable(errno);
  std::string bytes;
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) bytes.reserve(static_cast<size_t>(status.st_size));
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t n = ::read(file.get(), block.data(), block.size());
    if (n == 0) return bytes;
    if (n > 0) {
      bytes.append(block.data(), static_cast<size_t>(n));
    } else if (errno != EINTR) {
      throw unreadable(errno);
    }
  }
}

}  // namespace nfopt
