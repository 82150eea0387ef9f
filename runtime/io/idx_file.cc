#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/idx_file.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace nfopt {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 31;

struct CloseGz {
  void operator()(gzFile file) const { gzclose(file); }
};

// A file being read, plain or gzip (zlib tells them apart by the first two bytes).
class Source {
 public:
  explicit Source(const std::filesystem::path& path) : path_(path.string()) {
    errno = 0;
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) fail(std::string("cannot be read: ") + (errno != 0 ? std::strerror(errno) : "out of memory"));
    gzbuffer(file_.get(), 1 << 17);
  }

  [[noreturn]] void fail(const std::string& why) const { throw Error("data", "'" + path_ + "' " + why + "."); }

  // How many of `count` bytes the file still had; damage throws.
  size_t read_up_to(uint8_t* into, size_t count) {
    size_t done = 0;
    while (done < count) {
      const auto chunk = static_cast<unsigned>(std::min<size_t>(count - done, 1 << 24));
      const int got = gzread(file_.get(), into + done, chunk);
      int code = Z_OK;
      const char* text = gzerror(file_.get(), &code);
      if (got < 0 || (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR))
        fail("is damaged: " + std::string(code == Z_ERRNO ? std::strerror(errno) : text) + ". Fetch it again");
      if (code == Z_BUF_ERROR) fail("is cut short: its compressed data ends early. Fetch it again");
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  std::string path_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, CloseGz> file_;
};

int64_t big_endian(const uint8_t* bytes) {
  return (int64_t{bytes[0]} << 24) | (int64_t{bytes[1]} << 16) | (int64_t{bytes[2]} << 8) | int64_t{bytes[3]};
}

}  // namespace

IdxFile read_idx(const std::filesystem::path& path, int64_t rank) {
  std::error_code code;
  Source source(path);
  if (std::filesystem::is_directory(path, code)) source.fail("is a folder: expected an IDX file");

  std::array<uint8_t, 4> magic{};
  if (source.read_up_to(magic.data(), magic.size()) < magic.size() || magic[0] != 0 || magic[1] != 0 || magic[2] != 8 ||
      magic[3] != rank)
    source.fail("is not an IDX file of unsigned bytes with " + std::to_string(rank) + (rank == 1 ? " axis" : " axes"));

  IdxFile idx;
  int64_t count = 1;
  for (int64_t axis = 0; axis < rank; ++axis) {
    std::array<uint8_t, 4> size{};
    if (source.read_up_to(size.data(), size.size()) < size.size()) source.fail("is cut short within its header");
    idx.shape.push_back(big_endian(size.data()));
    if (idx.shape.back() > 0 && count > kMaxBytes / idx.shape.back()) source.fail("claims to hold more than 2 GiB");
    count *= idx.shape.back();
  }

  // Grown while reading: a header that lies about its size costs no more memory than the file has bytes.
  while (static_cast<int64_t>(idx.values.size()) < count) {
    const size_t had = idx.values.size();
    idx.values.resize(std::min<size_t>(static_cast<size_t>(count), had + (1 << 24)));
    const size_t got = source.read_up_to(idx.values.data() + had, idx.values.size() - had);
    if (got < idx.values.size() - had)
      source.fail("is cut short: its header promises " + std::to_string(count) + " bytes, it holds " +
                  std::to_string(had + got));
  }
  uint8_t more = 0;
  if (source.read_up_to(&more, 1) != 0)
    source.fail("holds more than the " + std::to_string(count) + " bytes its header promises");
  return idx;
}

}  // namespace nfopt
