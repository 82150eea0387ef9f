// Initial values against the tables of nfn 0.1.2: every *.json below the golden folder whose `layer` is "init". Values
// of one law and scale are pooled until the standard error of their standard deviation is below 1%.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>

#include "tests/golden/nfn_modules.h"

namespace nfopt::golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kSmallError = 0.01;
constexpr double kStandardErrors = 3;

struct Pool {
  std::string law;
  double expected_std = 0, expected_mean = 0, kurtosis = 0;
  double n = 0, sum = 0, squares = 0, smallest = 0, largest = 0;
  std::vector<std::string> names;

  void add(const at::Tensor& values) {
    const at::Tensor v = values.detach().to(at::kDouble);
    smallest = n == 0 ? v.min().item<double>() : std::min(smallest, v.min().item<double>());
    largest = n == 0 ? v.max().item<double>() : std::max(largest, v.max().item<double>());
    n += static_cast<double>(v.numel());
    sum += v.sum().item<double>();
    squares += v.square().sum().item<double>();
  }
  bool constant() const { return law == "constant"; }
  double relative_error_of_std() const { return std::sqrt((kurtosis - 1) / (4 * n)); }
  bool settled() const { return n > 0 && (constant() || relative_error_of_std() < kSmallError); }
};

// Mean or standard deviation further off than chance explains once in 370 times.
bool deviates(const Pool& pool) {
  const double mean = pool.sum / pool.n, std = std::sqrt(pool.squares / pool.n - mean * mean);
  return std::abs(std / pool.expected_std - 1) > kStandardErrors * pool.relative_error_of_std() ||
         std::abs(mean / pool.expected_std) > kStandardErrors / std::sqrt(pool.n);
}

void expect_range(const Pool& pool, const std::string& what) {
  if (pool.constant()) {
    EXPECT_NEAR(pool.smallest, pool.expected_mean, 1e-7 * std::abs(pool.expected_mean)) << what;
    EXPECT_NEAR(pool.largest, pool.expected_mean, 1e-7 * std::abs(pool.expected_mean)) << what;
  } else if (pool.law == "uniform") {  // fills its interval and no more
    const double bound = std::sqrt(3.0) * pool.expected_std * (1 + 1e-6);
    EXPECT_LE(pool.largest, bound) << what;
    EXPECT_GE(pool.smallest, -bound) << what;
    EXPECT_GT(pool.largest - pool.smallest, 1.95 * bound) << what;
  }
}

// The pools of a row that deviate.
std::set<std::string> deviating(const json& row, uint64_t first_seed) {
  const auto space = row.at("network_spec").is_null() ? nullptr : nfn_space(row.at("network_spec"));
  const std::string layer = row.at("layer");
  std::map<std::tuple<std::string, double, double>, Pool> pools;
  std::map<std::string, Pool*> pool_of;
  for (const auto& [name, p] : row.at("params").items()) {
    const double mean = p.value("expected_mean", 0.0);
    Pool& pool = pools[{p.at("law"), p.at("expected_std").is_null() ? 0.0 : p.at("expected_std").get<double>(), mean}];
    pool.law = p.at("law");
    pool.expected_std = p.at("expected_std").is_null() ? 0.0 : p.at("expected_std").get<double>();
    pool.expected_mean = mean;
    pool.kurtosis = pool.law == "uniform" ? 1.8 : 3.0;
    pool.names.push_back(name);
    pool_of[name] = &pool;
  }
  auto settled = [&] {
    for (const auto& [key, pool] : pools)
      if (!pool.settled()) return false;
    return true;
  };
  for (uint64_t seed = first_seed; !settled(); ++seed) {
    const auto module = nfn_module(layer, row.at("options"), space, seed);
    size_t seen = 0;
    for (const auto& list : {module.ptr()->named_parameters(), module.ptr()->named_buffers()})
      for (const auto& p : list) {
        const auto found = pool_of.find(p.key());
        if (found == pool_of.end()) {
          ADD_FAILURE() << layer << " has a parameter '" << p.key() << "' that nfn has not";
          return {};
        }
        EXPECT_EQ(p.value().sizes().vec(), row.at("params").at(p.key()).at("shape").get<std::vector<int64_t>>());
        found->second->add(p.value());
        ++seen;
      }
    if (seen != pool_of.size()) {
      ADD_FAILURE() << layer << " has " << seen << " of the " << pool_of.size() << " parameters of nfn";
      return {};
    }
  }
  std::set<std::string> result;
  for (const auto& [key, pool] : pools) {
    const std::string what = layer + ", " + row.at("space").dump() + ", " + pool.names[0];
    expect_range(pool, what);
    if (!pool.constant() && deviates(pool)) result.insert(what);
  }
  return result;
}

// Of some hundred statistics one or two deviate by chance: a law is refused when a fresh sample deviates as well.
void check_row(const json& row, uint64_t seed) {
  const auto once = deviating(row, seed);
  if (once.empty()) return;
  const auto twice = deviating(row, seed + 500000);
  for (const std::string& what : once) EXPECT_EQ(twice.count(what), 0u) << what << " does not follow its law";
}

TEST(NfnInit, FollowsTheLawsOfTheTables) {
  const char* chosen = std::getenv("NFOPT_GOLDEN_DIR");
  const fs::path folder = chosen != nullptr && *chosen != '\0' ? chosen : NFOPT_GOLDEN_DEFAULT;
  size_t rows = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream stream(entry.path());
    const json tables = json::parse(stream);
    if (!tables.contains("layer") || tables.at("layer") != "init") continue;
    for (const json& row : tables.at("rows")) check_row(row, 1000 * ++rows);
  }
  EXPECT_GT(rows, 0u) << "no table of initial values below '" << folder.string() << "'";
}

}  // namespace
}  // namespace nfopt::golden
