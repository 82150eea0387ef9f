#include "tests/golden/golden_case.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <algorithm>

namespace nfopt::golden {

const at::Tensor& GoldenCase::tensor(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error("golden", "'" + path.string() + "' has no tensor '" + name + "'.");
  return found->second;
}

WeightSpacePtr GoldenCase::space_of(const nlohmann::json& tensors) {
  std::vector<WeightSpace::NumberedTensor> numbered;
  for (const auto& t : tensors)
    numbered.push_back({t.at("name").get<std::string>(), t.at("labels").get<std::vector<int64_t>>(),
                        t.at("shape").get<std::vector<int64_t>>()});
  return std::make_shared<const WeightSpace>(WeightSpace::from_numbered_labels(numbered));
}

void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  if (expected.numel() == 0) return;
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor e = expected.to(at::kDouble).contiguous();
  const at::Tensor finite = e.isfinite();
  ASSERT_TRUE(at::equal(finite, a.isfinite())) << what << ": values that are not finite are in other places";
  const at::Tensor e_finite = at::where(finite, e, at::zeros_like(e));
  const at::Tensor difference = at::where(finite, a - e, at::zeros_like(e)).abs().reshape(-1);
  const double allowed = tolerance * std::max(e_finite.abs().max().item<double>(), 1e-3);
  const auto worst = difference.argmax().item<int64_t>();
  EXPECT_LE(difference[worst].item<double>(), allowed)
      << what << ": element " << worst << " of " << e.numel() << ", expected " << e.reshape(-1)[worst].item<double>()
      << ", received " << a.reshape(-1)[worst].item<double>();
}

}  // namespace nfopt::golden
