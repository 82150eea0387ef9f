#include <gtest/gtest.h>
#include <nfopt/runtime/zoo/member_data.h>
#include <torch/types.h>

#include <set>

namespace nfopt {
namespace {

// 200 examples: input [n, n], target n % 10.
Examples counted() {
  const at::Tensor n = at::arange(200, at::kLong);
  return {n.to(at::kFloat).unsqueeze(1).expand({200, 2}).contiguous(), n.remainder(10)};
}

struct Batch {
  at::Tensor inputs = at::empty({500, 2});
  at::Tensor targets = at::empty({500}, at::kLong);
};

Batch draw(const MemberData& data, int64_t t) {
  Batch batch;
  data.draw(t, batch.inputs, batch.targets);
  return batch;
}

TEST(MemberData, DrawsFromItsShareOnlyAndFromAllOfIt) {
  for (const auto& [share, size] : {std::pair{1.0, 200}, {0.25, 50}, {1e-9, 1}}) {
    const MemberData data(counted(), 10, share, 0, Rng(1));
    EXPECT_EQ(data.size(), size);
    std::set<int64_t> seen;
    for (int64_t t = 0; t < 8; ++t) {
      const Batch batch = draw(data, t);
      for (int64_t j = 0; j < 500; ++j) seen.insert(batch.inputs[j][0].item<int64_t>());
      EXPECT_TRUE(at::equal(batch.targets, batch.inputs.select(1, 1).to(at::kLong).remainder(10)));
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), size);
    const Examples first = data.first(20);
    EXPECT_EQ(first.size(), std::min(20, size));
    for (int64_t j = 0; j < first.size(); ++j) EXPECT_TRUE(seen.contains(first.inputs[j][0].item<int64_t>()));
  }
}

TEST(MemberData, ABatchIsAFunctionOfGeneratorAndStep) {
  const MemberData data(counted(), 10, 0.5, 0.3, Rng(1)), again(counted(), 10, 0.5, 0.3, Rng(1)),
      other(counted(), 10, 0.5, 0.3, Rng(2));
  EXPECT_TRUE(at::equal(draw(data, 3).inputs, draw(again, 3).inputs));
  EXPECT_TRUE(at::equal(draw(data, 3).targets, draw(again, 3).targets));
  EXPECT_FALSE(at::equal(draw(data, 3).inputs, draw(data, 4).inputs));
  EXPECT_FALSE(at::equal(draw(data, 3).inputs, draw(other, 3).inputs));
}

TEST(MemberData, NoiseChangesAFixedShareOfLabels) {
  const MemberData data(counted(), 10, 1.0, 0.5, Rng(3));
  const Examples all = data.first(200);
  const at::Tensor wrong = all.targets != counted().targets;
  const double share = wrong.to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(share, 0.45, 0.12) << "half of the labels are drawn, a tenth of these as they were; 3 deviations";
  const Batch batch = draw(data, 0);
  const at::Tensor rows = batch.inputs.select(1, 0).to(at::kLong);
  EXPECT_TRUE(at::equal(batch.targets, all.targets.index_select(0, rows))) << "an example keeps its label";
}

}  // namespace
}  // namespace nfopt
