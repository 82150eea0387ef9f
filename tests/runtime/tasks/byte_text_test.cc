#include <ATen/ATen.h>
#include <nfopt/runtime/io/windowed_text.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <filesystem>
#include <map>

#include "tests/errors.h"
#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::message_of;
using testing::TemporaryFolder;
using testing::write_text;

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

// LZW as the format's own packer does it: the width follows the decoder, which is one entry behind.
std::string pack_window(const std::string& text, bool end_code) {
  std::map<std::string, uint32_t> table;
  for (int c = 0; c < 256; ++c) table[std::string(1, static_cast<char>(c))] = static_cast<uint32_t>(c);
  std::string packed;
  uint64_t bits = 0;
  int held = 0, width = 9;
  uint32_t entries = 257, written = 0;
  const auto write = [&](uint32_t code) {
    bits |= uint64_t{code} << held;
    for (held += width; held >= 8; held -= 8, bits >>= 8) packed.push_back(static_cast<char>(bits & 255));
    if (256 + ++written >= (1u << width)) ++width;
  };
  std::string piece;
  for (const char c : text) {
    if (table.contains(piece + c)) {
      piece += c;
      continue;
    }
    write(table.at(piece));
    table[piece + c] = entries++;
    piece = c;
  }
  if (!piece.empty()) write(table.at(piece));
  if (end_code) write(256);
  if (held > 0) packed.push_back(static_cast<char>(bits & 255));
  return packed;
}

std::string pack(const std::string& text, size_t window) {
  std::string head = "EC02Compressed Data File", body;
  head.resize(84, '\0');
  const size_t count = (text.size() + window - 1) / window;
  head += big_endian(static_cast<uint32_t>(window)) + big_endian(static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    head += big_endian(static_cast<uint32_t>(92 + 4 * count + body.size()));
    body += pack_window(text.substr(i * window, window), i + 1 < count);
  }
  return head + body;
}

std::string verses(size_t size) {
  std::string text;
  for (uint32_t i = 0; text.size() < size; ++i) text += "verse " + std::to_string(i * 2654435761u % 997) + " aaaaaa ";
  return text.substr(0, size);
}

TEST(WindowedText, UnpacksWhatItsPackerPacks) {
  for (const size_t window : {size_t{7}, size_t{100}, size_t{4096}, size_t{65536}}) {
    const std::string text = verses(9000);
    EXPECT_EQ(unpack_windowed_text(pack(text, window), "x"), text) << window;
  }
  EXPECT_EQ(unpack_windowed_text(pack("", 10), "x"), "");
  EXPECT_EQ(unpack_windowed_text(pack("aaaaaaaaaaaa", 20), "x"), "aaaaaaaaaaaa");  // pieces that contain themselves
}

TEST(WindowedText, NamesTheFileAndWhatIsWrongWithIt) {
  const std::string whole = pack(verses(9000), 1000);
  const auto message = [&](const std::string& bytes) {
    return message_of([&] { unpack_windowed_text(bytes, "bible.data"); });
  };
  EXPECT_EQ(message(whole), "no error");
  EXPECT_TRUE(contains(message(whole.substr(0, 80)), "'bible.data' is cut short within its header"));
  EXPECT_TRUE(contains(message(whole.substr(0, 100)), "cut short within its table")) << message(whole.substr(0, 100));
  EXPECT_TRUE(contains(message(whole.substr(0, whole.size() / 2)), "lies outside of it"));
  EXPECT_TRUE(contains(message("no such magic"), "does not begin with"));
  std::string many = whole;
  many.replace(88, 4, "\xff\xff\xff\xff");
  EXPECT_TRUE(contains(message(many), "table of windows"));
  // Damage anywhere is an error or another text, never a crash.
  for (size_t at = 84; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    message(damaged);
  }
}

TEST(ByteText, TargetsAreTheNextBytes) {
  const TemporaryFolder folder;
  const std::string text = verses(1000);
  write_text(folder / "a.txt", text);
  const Dataset data = load_byte_text({.file = (folder / "a.txt").string(), .context = 10, .test_share = 0.2});
  EXPECT_EQ(data.classes, 256);
  ASSERT_EQ(data.train.inputs.sizes(), (at::IntArrayRef{79, 10}));
  ASSERT_EQ(data.test.inputs.sizes(), (at::IntArrayRef{19, 10}));
  EXPECT_EQ(data.train.inputs.scalar_type(), at::kLong);
  for (const int64_t i : {0, 41, 78}) {
    for (int64_t t = 0; t < 10; ++t) {
      EXPECT_EQ(data.train.inputs[i][t].item<int64_t>(), text[static_cast<size_t>(10 * i + t)]);
      EXPECT_EQ(data.train.targets[i][t].item<int64_t>(), text[static_cast<size_t>(10 * i + t + 1)]);
    }
  }
  EXPECT_EQ(data.test.inputs[0][0].item<int64_t>(), text[800]);
}

TEST(ByteText, TokensStayIntegersInEveryDtype) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", verses(1000));
  const Dataset data = load_dataset(ByteTextOptions{.file = (folder / "a.txt").string(), .context = 10}, at::kFloat);
  EXPECT_EQ(data.train.to(at::kCPU, at::kFloat).inputs.scalar_type(), at::kLong);
}

TEST(ByteText, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", verses(100));
  const auto message = [&](const std::string& file, int64_t context) {
    return message_of([&] { load_byte_text({.file = (folder / file).string(), .context = context}); });
  };
  EXPECT_TRUE(contains(message("b.txt", 10), "No such file")) << message("b.txt", 10);
  EXPECT_TRUE(contains(message("", 10), "is a folder")) << message("", 10);
  EXPECT_TRUE(contains(message("a.txt", 10), "holds 100 bytes, of which 5 are for testing")) << message("a.txt", 10);
}

TEST(ByteText, TheBibleBeginsAsItDoes) {
  if (!std::filesystem::exists("/usr/lib/bible.data")) GTEST_SKIP() << "bible-kjv-text is not installed";
  const std::string text = read_text("/usr/lib/bible.data");
  EXPECT_TRUE(contains(text.substr(0, 200), "Ge1:1 In the beginning God created the heaven and the earth.\n"));
  EXPECT_TRUE(text.ends_with("The grace of our Lord Jesus Christ be with you all. Amen.\n"));
  EXPECT_GT(text.size(), 4000000u);
}

}  // namespace
}  // namespace nfopt
