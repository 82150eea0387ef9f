#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/plugin/manifest_reader.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <vector>

#include "expect_refusal.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::expect_refusal;
using Reason = PluginError::Reason;

const fs::path kFolder = NFOPT_TEST_PLUGINS;

std::vector<char> bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

fs::path written(const char* name, const std::string& content) {
  const fs::path path = fs::path(::testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(ManifestReader, ReadsAPluginWithoutLoadingIt) {
  const nfopt_manifest manifest = read_manifest(kFolder / "described.nfopt.so");
  EXPECT_STREQ(manifest.id, "described");
  EXPECT_STREQ(manifest.version, "1.0.0");
  EXPECT_STREQ(manifest.author, "Ada Example <ada@example.org>");
  EXPECT_EQ(manifest.uses_torch, 0u);
  // The constructor of this one throws: reading its manifest runs none of its code.
  EXPECT_STREQ(read_manifest(kFolder / "throws_in_constructor.nfopt.so").id, "throws_in_constructor");
}

TEST(ManifestReader, TellsWhatIsNotAPluginApart) {
  expect_refusal(Reason::missing, "does not exist", [] { read_manifest(kFolder / "nowhere.nfopt.so"); });
  expect_refusal(Reason::directory, "is a directory", [] { read_manifest(kFolder); });
  expect_refusal(Reason::unreadable, "not a regular file", [] { read_manifest("/dev/null"); });
  expect_refusal(Reason::empty, "is empty", [] { read_manifest(written("empty.nfopt.so", "")); });
  expect_refusal(Reason::not_elf, "expected an ELF", [] { read_manifest(written("text.nfopt.so", "not a library")); });
  expect_refusal(Reason::not_elf, "expected an ELF", [] { read_manifest(written("byte.nfopt.so", "E")); });
  expect_refusal(Reason::truncated, "truncated", [] {
    read_manifest(written("head.nfopt.so",
                          "\x7f"
                          "ELF"));
  });
}

TEST(ManifestReader, TellsLibrariesApart) {
  expect_refusal(Reason::no_manifest, "no section", [] { read_manifest(kFolder / "no_manifest.nfopt.so"); });
  expect_refusal(Reason::incompatible, "64 bytes and plugin ABI 0",
                 [] { read_manifest(kFolder / "struct_too_small.nfopt.so"); });
}

TEST(ManifestReader, RefusesEveryTruncation) {
  const auto whole = bytes_of(kFolder / "described.nfopt.so");
  ASSERT_GT(whole.size(), 4096u);
  for (size_t size = 0; size < whole.size(); size += 64) {
    const MemoryBytes cut(std::as_bytes(std::span(whole).first(size)));
    try {
      read_manifest(cut, "'cut'");
      FAIL() << "accepted the first " << size << " of " << whole.size() << " bytes";
    } catch (const PluginError& error) {
      EXPECT_EQ(static_cast<int>(error.reason()), static_cast<int>(size == 0 ? Reason::empty : Reason::truncated))
          << size << ": " << error.what();
    }
  }
}

TEST(ManifestReader, SurvivesDamagedBytes) {
  auto bytes = bytes_of(kFolder / "described.nfopt.so");
  const Rng rng(20261122);
  uint64_t tables = 0;
  std::memcpy(&tables, bytes.data() + 40, sizeof tables);  // e_shoff: the section table ends the file
  ASSERT_LT(tables, bytes.size());

  int refused = 0;
  for (uint64_t i = 0; i < 40000; ++i) {
    // Header, section table and anywhere, in turn; a flipped byte in the middle of the code changes nothing here.
    const int64_t whole = static_cast<int64_t>(bytes.size());
    const int64_t table = static_cast<int64_t>(tables);
    const int64_t at = i % 3 == 0   ? rng.integer(3 * i, 64)
                       : i % 3 == 1 ? table + rng.integer(3 * i, whole - table)
                                    : rng.integer(3 * i, whole);
    const char before = bytes[at];
    bytes[at] = static_cast<char>(rng.integer(3 * i + 1, 256));
    try {
      const nfopt_manifest manifest = read_manifest(MemoryBytes(std::as_bytes(std::span(bytes))), "'damaged'");
      EXPECT_NE(std::memchr(manifest.id, '\0', sizeof manifest.id), nullptr);
    } catch (const PluginError&) {
      ++refused;
    }
    bytes[at] = before;
  }
  EXPECT_GT(refused, 1000);  // the damage was real
}

TEST(ManifestReader, RefusesAnUnterminatedOrMalformedText) {
  auto bytes = bytes_of(kFolder / "described.nfopt.so");
  const std::string id = std::string("described") + '\0';
  // In the manifest 22 more zeros follow; sanitizers lay such texts elsewhere too.
  const auto next = [&](auto from) { return std::search(from, bytes.end(), id.begin(), id.end()); };
  int places = 0;
  for (auto position = next(bytes.begin()); position != bytes.end(); position = next(position + 1)) {
    if (bytes.end() - position < 32 || std::any_of(position + 9, position + 32, [](char c) { return c != '\0'; }))
      continue;
    std::fill(position, position + 32, 'x');
    ++places;
  }
  ASSERT_GT(places, 0);
  expect_refusal(Reason::bad_manifest, "malformed id",
                 [&] { read_manifest(MemoryBytes(std::as_bytes(std::span(bytes))), "'damaged'"); });
}

}  // namespace
}  // namespace nfopt
