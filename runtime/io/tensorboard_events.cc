#include <nfopt/runtime/io/tensorboard_events.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>

namespace nfopt {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

template <class Integer>
std::string little_endian(Integer value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(Integer); ++i) bytes += static_cast<char>((value >> (8 * i)) & 255);
  return bytes;
}

// ---- protocol buffers: key = field number and wire type, then the value ------------------------------------------
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
  return bytes + static_cast<char>(value);
}
std::string key(uint32_t field, uint32_t wire_type) { return varint(field << 3 | wire_type); }
std::string integer_field(uint32_t field, int64_t value) {
  return key(field, 0) + varint(static_cast<uint64_t>(value));
}
std::string double_field(uint32_t field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string float_field(uint32_t field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<uint32_t>(value));
}
std::string bytes_field(uint32_t field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; SessionLog session_log = 7 }
std::string event(int64_t step, const std::string& what) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return double_field(1, std::chrono::duration<double>(now).count()) + integer_field(2, step) + what;
}

// Summary { repeated Value value = 1 }   Value { string tag = 1; float simple_value = 2 }
std::string summary(const std::vector<std::pair<std::string, double>>& scalars) {
  std::string values;
  for (const auto& [tag, value] : scalars)
    values += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  return bytes_field(5, values);
}

// SessionLog { SessionStatus status = 1 }   START = 1
std::string session_start() { return bytes_field(7, integer_field(1, 1)); }

std::string padded(int64_t number, size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

// TensorBoard reads the files of a folder in the order of their names, so the time comes first. The count keeps two
// processes apart that begin within one second.
std::filesystem::path new_name(const std::filesystem::path& folder, int64_t first_step) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string stem = "events.out.tfevents." + padded(seconds, 10) + ".";
  int64_t count = 0;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code))
    if (entry.path().filename().string().starts_with(stem)) ++count;
  return folder / (stem + padded(count, 4) + "." + padded(first_step, 9) + ".nfopt");
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 255] ^ (crc >> 8);
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

std::string tf_record(std::string_view bytes) {
  const std::string length = little_endian(static_cast<uint64_t>(bytes.size()));
  return length + little_endian(masked_crc32c(length)) + std::string(bytes) + little_endian(masked_crc32c(bytes));
}

TensorBoardEvents::TensorBoardEvents(const std::filesystem::path& folder, std::optional<int64_t> first_step)
    : file_(new_name(folder, first_step.value_or(0)), AppendFile::Open::new_only) {
  std::string begin = tf_record(event(0, bytes_field(3, "brain.Event:2")));
  if (first_step) begin += tf_record(event(*first_step, session_start()));
  file_.append(begin);
}

void TensorBoardEvents::write(int64_t step, const std::vector<std::pair<std::string, double>>& scalars) {
  if (!scalars.empty()) file_.append(tf_record(event(step, summary(scalars))));
}

}  // namespace nfopt
