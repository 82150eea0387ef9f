// Every *.safetensors file below $NFOPT_GOLDEN_DIR (default: the files beside this source) is one test. A file says in
// its metadata what kind of case it is; the other files of this folder register how a kind is checked. Nothing depends
// on the name of a file.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/safetensors.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include "tests/golden/golden_case.h"

namespace nfopt::golden {
namespace {

namespace fs = std::filesystem;

struct Kind {
  GoldenCheck check;    ///< empty: pending
  std::string pending;  ///< the reason
};

// Leaked: registration runs before main, tests until its end.
std::map<std::pair<std::string, std::string>, Kind>& kinds() {
  static auto* map = new std::map<std::pair<std::string, std::string>, Kind>;
  return *map;
}

/// The published sets name their form and kind differently.
std::pair<std::string, std::string> format_and_kind(const nlohmann::json& info) {
  const auto text = [&](const char* key) { return info.at(key).is_string() ? info.at(key).get<std::string>() : ""; };
  if (info.contains("format") && info.at("format").is_string() && info.contains("kind"))
    return {text("format"), text("kind")};
  if (info.contains("format") && info.at("format") == 1 && info.contains("optimizer"))
    return {"lopt-1", text("optimizer")};
  if (!info.contains("format") && info.contains("layer")) return {"nfn", text("layer")};
  throw Error("golden", "the metadata entry 'case' names no format and kind. Its keys: " + info.dump().substr(0, 300));
}

const Kind& find_kind(const std::string& format, const std::string& kind) {
  for (const std::string& name : {kind, std::string("*")})
    if (const auto found = kinds().find({format, name}); found != kinds().end()) return found->second;
  std::string known;
  for (const auto& [key, unused] : kinds()) known += (known.empty() ? "" : ", ") + key.first + "/" + key.second;
  throw Error("golden", "no check for kind '" + kind + "' of format '" + format + "'. Known: " + known + ".");
}

class Golden : public ::testing::Test {
 public:
  explicit Golden(fs::path path) : path_(std::move(path)) {}
  void TestBody() override {
    SafetensorsFile file = read_safetensors(path_);
    if (file.metadata.count("case") == 0) {
      const bool weights = std::any_of(path_.begin(), path_.end(), [](const fs::path& part) { return part == "hf"; });
      if (weights) GTEST_SKIP() << "weights of a published optimizer, not a case";
      FAIL() << "the metadata have no entry 'case'";
    }
    GoldenCase golden;
    golden.path = path_;
    golden.info = nlohmann::json::parse(file.metadata.at("case"));
    for (auto& [name, tensor] : file.tensors) golden.tensors.emplace(name, std::move(tensor));
    const auto [format, kind] = format_and_kind(golden.info);
    const Kind& found = find_kind(format, kind);
    if (!found.check) GTEST_SKIP() << "pending: " << found.pending;
    found.check(golden);
  }

 private:
  fs::path path_;
};

/// Sorted, so that runs are comparable.
std::set<fs::path> golden_files(const fs::path& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink))
    if (entry.is_regular_file() && entry.path().extension() == ".safetensors") files.insert(entry.path());
  return files;
}

class GoldenFolder : public ::testing::Test {
 public:
  GoldenFolder(fs::path folder, size_t found) : folder_(std::move(folder)), found_(found) {}
  void TestBody() override { EXPECT_GT(found_, 0u) << "no *.safetensors file below '" << folder_.string() << "'"; }

 private:
  fs::path folder_;
  size_t found_;
};

template <class Make>
void register_test(const char* suite, const std::string& name, const fs::path& file, Make make) {
  ::testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, file.c_str(), 0, make);
}

const bool pending_kinds = [] {
  register_pending_kind("lopt-1", "*", "the per-parameter learned optimizers are not part of this version");
  return true;
}();

}  // namespace

bool register_golden_kind(const std::string& format, const std::string& kind, GoldenCheck check) {
  return kinds().emplace(std::pair(format, kind), Kind{std::move(check), ""}).second;
}

bool register_pending_kind(const std::string& format, const std::string& kind, const std::string& reason) {
  return kinds().emplace(std::pair(format, kind), Kind{nullptr, reason}).second;
}

}  // namespace nfopt::golden

int main(int argc, char** argv) {
  using namespace nfopt::golden;
  ::testing::InitGoogleTest(&argc, argv);
  const char* chosen = std::getenv("NFOPT_GOLDEN_DIR");
  const fs::path folder = chosen != nullptr && *chosen != '\0' ? chosen : NFOPT_GOLDEN_DEFAULT;
  std::set<fs::path> files;
  try {
    files = golden_files(folder);
  } catch (const fs::filesystem_error& e) {
    std::cerr << "[golden] " << e.what() << "\n";
  }
  register_test("GoldenFolder", "HasFiles", folder,
                [=, n = files.size()]() -> ::testing::Test* { return new GoldenFolder(folder, n); });
  for (const fs::path& file : files)
    register_test("Golden", file.lexically_relative(folder).replace_extension().string(), file,
                  [=]() -> ::testing::Test* { return new Golden(file); });
  return RUN_ALL_TESTS();
}
