#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/windowed_text.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

namespace nfopt {
namespace {

constexpr std::string_view kMagic = "EC02Compressed Data File";
constexpr size_t kWindowSizeAt = 84;
constexpr size_t kTableAt = 92;
constexpr uint32_t kEndOfWindow = 256;
constexpr uint32_t kFirstEntry = 257;
constexpr int kWidest = 16;  // windows of 64 KiB never need more
constexpr std::uintmax_t kMaxBytes = std::uintmax_t{1} << 31;

[[noreturn]] void fail(const std::string& shown, const std::string& why) {
  throw Error("data", "'" + shown + "' " + why + ".");
}

uint32_t big_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = (value << 8) | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// The codes of one window, in order.
class Codes {
 public:
  explicit Codes(std::string_view bytes) : bytes_(bytes) {}

  // False when the window ends before `width` more bits: the last window of a file has no end code.
  bool next(int width, uint32_t& code) {
    while (held_ < width) {
      if (at_ == bytes_.size()) return false;
      bits_ |= static_cast<uint32_t>(static_cast<uint8_t>(bytes_[at_++])) << held_;
      held_ += 8;
    }
    code = bits_ & ((1u << width) - 1);
    bits_ >>= width;
    held_ -= width;
    return true;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  uint32_t bits_ = 0;
  int held_ = 0;
};

// Appends one window to `text`. An entry of the table is a piece of the text itself: the piece of the code before and
// the character that follows it.
void unpack_window(std::string_view packed, size_t limit, std::string& text, const std::string& shown) {
  struct Piece {
    size_t begin;
    size_t size;
  };
  std::vector<Piece> table;
  Codes codes(packed);
  const size_t start = text.size();
  Piece before{start, 0};
  uint32_t code = 0;
  for (int width = 9; codes.next(width, code) && code != kEndOfWindow;) {
    const size_t at = text.size();
    if (before.size > 0) table.push_back({before.begin, before.size + 1});
    if (code < kEndOfWindow) {
      text.push_back(static_cast<char>(code));
    } else if (code - kFirstEntry < table.size()) {
      const Piece piece = table[code - kFirstEntry];
      // Byte by byte: the newest entry ends with the first byte of its own copy.
      for (size_t i = 0; i < piece.size; ++i) text.push_back(text[piece.begin + i]);
    } else {
      fail(shown, "is damaged: code " + std::to_string(code) + " is not in the table yet. Install it again");
    }
    if (text.size() - start > limit) fail(shown, "is damaged: a window is longer than its header says");
    before = {at, text.size() - at};
    if (kFirstEntry + table.size() >= (size_t{1} << width) && width < kWidest) ++width;
  }
}

}  // namespace

bool is_windowed_text(std::string_view bytes) { return bytes.starts_with(kMagic); }

std::string unpack_windowed_text(std::string_view bytes, const std::string& shown) {
  if (!is_windowed_text(bytes)) fail(shown, "does not begin with '" + std::string(kMagic) + "'");
  if (bytes.size() < kTableAt) fail(shown, "is cut short within its header");
  const size_t window = big_endian(bytes, kWindowSizeAt);
  const size_t count = big_endian(bytes, kWindowSizeAt + 4);
  if (count > (bytes.size() - kTableAt) / 4) fail(shown, "is cut short within its table of windows");
  if (window > kMaxBytes || window * count > kMaxBytes) fail(shown, "claims to hold more than 2 GiB");

  std::string text;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = big_endian(bytes, kTableAt + 4 * i);
    const size_t end = i + 1 < count ? big_endian(bytes, kTableAt + 4 * (i + 1)) : bytes.size();
    if (begin < kTableAt + 4 * count || end < begin || end > bytes.size()) {
      fail(shown, "is cut short or damaged: window " + std::to_string(i) + " lies outside of it");
    }
    const size_t had = text.size();
    unpack_window(bytes.substr(begin, end - begin), window, text, shown);
    if (i + 1 < count && text.size() - had != window) {
      fail(shown, "is damaged: window " + std::to_string(i) + " holds " + std::to_string(text.size() - had) +
                      " bytes, expected " + std::to_string(window));
    }
  }
  return text;
}

std::string read_text(const std::filesystem::path& path) {
  const std::string shown = path.string();
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) fail(shown, "is a folder: expected a text file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(shown, std::string("cannot be read: ") + std::strerror(errno));
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  if (!code && size > kMaxBytes) fail(shown, "is larger than 2 GiB");
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) fail(shown, std::string("cannot be read: ") + std::strerror(errno));
  return is_windowed_text(bytes) ? unpack_windowed_text(bytes, shown) : bytes;
}

}  // namespace nfopt
