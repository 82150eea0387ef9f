// The files are read back here by a reader that shares no code with the writer; tests/runtime/cli/tensorboard_test.py
// reads a run with TensorBoard itself.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/tensorboard_events.h>

#include <cmath>
#include <cstring>
#include <map>

#include "tests/runtime/io/temporary_folder.h"

namespace nfopt {
namespace {

using testing::TemporaryFolder;
using testing::text_of;

// Bit by bit, without a table.
uint32_t slow_crc(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (const unsigned char byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((crc ^ (byte >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (odd ? 0x82F63B78u : 0u);
    }
  return ~crc;
}

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);  // the tests run on little-endian machines only
  return value;
}

void expect_crc(const std::string& bytes, uint32_t stored) {
  const uint32_t unmasked = stored - 0xa282ead8u;
  EXPECT_EQ((unmasked >> 17) | (unmasked << 15), slow_crc(bytes));
}

std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (size_t at = 0; at < file.size();) {
    const auto length = static_cast<size_t>(number_at<uint64_t>(file, at));
    expect_crc(file.substr(at, 8), number_at<uint32_t>(file, at + 8));
    records.push_back(file.substr(at + 12, length));
    expect_crc(records.back(), number_at<uint32_t>(file, at + 12 + length));
    at += 16 + length;
  }
  return records;
}

// A message as field number -> raw values; nested messages are read by the caller.
std::multimap<uint64_t, std::string> fields_of(const std::string& message) {
  std::multimap<uint64_t, std::string> fields;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const uint64_t key = varint();
    std::string value;
    if (key % 8 == 0) {
      value = std::to_string(varint());
    } else {
      const size_t size = key % 8 == 1 ? 8 : key % 8 == 5 ? 4 : static_cast<size_t>(varint());
      value = message.substr(at, size);
      EXPECT_EQ(value.size(), size);
      at += size;
    }
    fields.emplace(key / 8, value);
  }
  return fields;
}

TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);  // the check value of CRC-32C
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  for (const std::string text : {"a", "events", "\x80\xff"}) EXPECT_EQ(crc32c(text), slow_crc(text));
}

TEST(TensorBoardEvents, HoldsEveryScalarWithItsStep) {
  const TemporaryFolder folder;
  TensorBoardEvents events(folder.path());
  events.write(7, {{"train/loss", 0.25}, {"test/accuracy", INFINITY}});
  events.write(300, {});
  events.write(int64_t{1} << 40, {{"train/loss", -3}});
  events.sync();
  EXPECT_NE(events.path().filename().string().find("tfevents"), std::string::npos);
  const std::vector<std::string> records = records_of(text_of(events.path()));
  ASSERT_EQ(records.size(), 3u) << "an event without scalars is not written";
  EXPECT_EQ(fields_of(records[0]).find(3)->second, "brain.Event:2");

  const auto event = fields_of(records[1]);
  EXPECT_GT(number_at<double>(event.find(1)->second, 0), 1.6e9) << "seconds since 1970";
  EXPECT_EQ(event.find(2)->second, "7");
  std::map<std::string, float> scalars;
  for (const auto& [field, value] : fields_of(event.find(5)->second)) {
    EXPECT_EQ(field, 1u);
    const auto parts = fields_of(value);
    scalars[parts.find(1)->second] = number_at<float>(parts.find(2)->second, 0);
  }
  EXPECT_EQ(scalars, (std::map<std::string, float>{{"train/loss", 0.25f}, {"test/accuracy", INFINITY}}));
  EXPECT_EQ(fields_of(records[2]).find(2)->second, std::to_string(int64_t{1} << 40));
}

TEST(TensorBoardEvents, AFileThatContinuesSaysWhereItStartsAndSortsAfterTheEarlier) {
  const TemporaryFolder folder;
  const TensorBoardEvents first(folder.path());
  const TensorBoardEvents second(folder.path(), 100);
  const TensorBoardEvents third(folder.path(), 20);  // killed again before its first checkpoint
  EXPECT_LT(first.path(), second.path());
  EXPECT_LT(second.path(), third.path());
  const std::vector<std::string> records = records_of(text_of(second.path()));
  ASSERT_EQ(records.size(), 2u);
  const auto start = fields_of(records[1]);
  EXPECT_EQ(start.find(2)->second, "100");
  EXPECT_EQ(fields_of(start.find(7)->second).find(1)->second, "1");  // SessionLog.START
}

TEST(TensorBoardEvents, AFolderThatIsNotThereIsAnError) { EXPECT_THROW(TensorBoardEvents("/nowhere/at/all"), Error); }

}  // namespace
}  // namespace nfopt
