#include <nfopt/runtime/plugin/compatibility.h>

#include <cstring>

#include "expect_refusal.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::message_of;

TEST(Compatibility, AcceptsItsOwnBuild) {
  EXPECT_NO_THROW(require_compatible(host_manifest(), host_manifest(), "'x'"));
}

TEST(Compatibility, ShowsAllDifferencesAtOnce) {
  nfopt_manifest plugin = host_manifest();
  plugin.plugin_abi += 1;
  plugin.compiler_major = 99;
  plugin.libstdcxx_abi = 1 - plugin.libstdcxx_abi;
  plugin.cxx_standard = 201703;
  std::strcpy(plugin.libtorch, "1.0.0");
  const std::string text = message_of([&] { require_compatible(plugin, host_manifest(), "'gru.nfopt.so'"); });
  for (const char* row : {"ABI", "99", "C++17", "cxx11abi", "1.0.0"})
    EXPECT_TRUE(contains(text, row)) << row << "\n" << text;
  EXPECT_TRUE(contains(text, "'gru.nfopt.so' was built for another nfopt")) << text;
  EXPECT_TRUE(contains(text, "Rebuild it")) << text;
}

TEST(Compatibility, IgnoresLibTorchOfAPluginThatDoesNotUseIt) {
  nfopt_manifest plugin = host_manifest();
  plugin.uses_torch = 0;
  std::strcpy(plugin.libtorch, "1.0.0");
  EXPECT_NO_THROW(require_compatible(plugin, host_manifest(), "'x'"));
}

TEST(Compatibility, ReportsVersionAndBuildTypeButDoesNotCompareThem) {
  nfopt_manifest plugin = host_manifest();
  std::strcpy(plugin.nfopt, "0.0.9");
  std::strcpy(plugin.build_type, "Odd");
  EXPECT_NO_THROW(require_compatible(plugin, host_manifest(), "'x'"));
  int shown = 0;
  for (const auto& row : compare(plugin, host_manifest())) shown += !row.matches();
  EXPECT_EQ(shown, 2);
}

TEST(Manifest, IsMadeAtCompileTimeAndKeepsItsTexts) {
  constexpr nfopt_manifest manifest =
      make_manifest({.id = "gru", .version = "1.2.0", .author = "Ada", .url = "https://example.org"}, "");
  EXPECT_STREQ(manifest.id, "gru");
  EXPECT_STREQ(manifest.version, "1.2.0");
  EXPECT_STREQ(manifest.author, "Ada");
  EXPECT_STREQ(manifest.url, "https://example.org");
  EXPECT_EQ(manifest.uses_torch, 0u);
  EXPECT_ANY_THROW(make_manifest({.id = "Not An Id", .version = "1"}, ""));
  EXPECT_ANY_THROW(make_manifest({.id = "gru", .version = "a version that does not fit"}, ""));
}

}  // namespace
}  // namespace nfopt
