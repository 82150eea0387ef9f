#include <gtest/gtest.h>
#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/plan/plan.h>

#include <algorithm>
#include <set>

#include "tests/nflayers/plan/numbered_spaces.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::dense_chain;
using testing::described_spaces;
using testing::numbered;
using testing::published_transformer;

struct Counts {
  size_t terms, contractions, products;
};

void expect_counts(const WeightSpace& space, const Counts& expected) {
  const Plan plan = build_plan(space);
  EXPECT_EQ(plan.terms.size(), expected.terms);
  EXPECT_EQ(plan.inputs.size(), expected.contractions);
  EXPECT_EQ(plan.signatures.size(), expected.products);
}

TEST(Plan, SharesTheReadsAndProductsOfPublishedNetworks) {
  expect_counts(dense_chain({64, 32, 10}), {32, 12, 6});
  expect_counts(dense_chain({784, 256, 256, 10}), {62, 18, 8});
  expect_counts(published_transformer(32100, 32, 128), {1918, 102, 14});
  expect_counts(numbered({{"r", {0, 0}, {5, 5}}}), {15, 6, 3});
}

TEST(Plan, HasTheParameterCountsOfThePublishedLayer) {  // UNF[32 -> 1], arXiv:2402.05232
  auto parameters = [](const WeightSpace& space) {
    int64_t count = 0;
    for (const StoredParameter& p : unf_layout(build_plan(space), 32, 1).parameters) {
      int64_t numel = 1;
      for (int64_t size : p.shape) numel *= size;
      count += numel;
    }
    return count;
  };
  EXPECT_EQ(parameters(dense_chain({64, 32, 10})), 1028);
  EXPECT_EQ(parameters(dense_chain({784, 256, 256, 10})), 1990);
  EXPECT_EQ(parameters(published_transformer(32100, 32, 128)), 61413);
}

TEST(Plan, HasOnePairOfHalvesPerValidPartition) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    for (const Fold& fold : {Fold::fixed(), Fold::all(), Fold::none()}) {
      const Plan plan = build_plan(space, fold);
      const auto layers = fold_views(space, fold);
      size_t partitions = 0, pairs = 0;
      for (const LayerView& out : layers)
        for (const LayerView& in : layers) partitions += valid_partitions(out.axes, in.axes).size();
      for (const Signature& signature : plan.signatures) pairs += signature.inputs.size() * signature.outputs.size();
      EXPECT_EQ(plan.terms.size(), partitions) << name;
      EXPECT_EQ(pairs, partitions) << name;
      std::set<std::tuple<int, int, int>> distinct;
      for (const Term& term : plan.terms) distinct.emplace(term.signature, term.output, term.input);
      EXPECT_EQ(distinct.size(), partitions) << name;
    }
  }
}

TEST(Plan, ReducesEveryHalfFromTheSmallestLargerOne) {
  const Plan plan = build_plan(numbered({{"w", {0, 1}, {7, 3}}}));
  std::vector<int64_t> read;  // how much each reduction reads
  for (const Half& half : plan.inputs) {
    int64_t size = 1;
    if (half.parent >= 0)
      for (int64_t s : plan.inputs[half.parent].sizes) size *= s;
    read.push_back(half.parent < 0 ? 0 : size);
  }
  std::sort(read.begin(), read.end());
  EXPECT_EQ(read, (std::vector<int64_t>{0, 3, 21, 21}));  // itself, total from 3 column means, rows, columns
}

TEST(Plan, BiasJoinsTheSmallestHalfOfEveryView) {
  for (const auto& [name, tensors] : described_spaces()) {
    const Plan plan = build_plan(WeightSpace(tensors));
    const Signature& smallest = plan.signatures.front();
    ASSERT_GE(smallest.outputs.size(), plan.views.size()) << name;
    for (size_t v = 0; v < plan.views.size(); ++v) {
      const Half& half = plan.outputs[smallest.outputs[v].half];
      EXPECT_EQ(half.view, static_cast<int>(v)) << name;
      EXPECT_TRUE(half.kept.empty()) << name;
      EXPECT_EQ(half.cells.size(), plan.views[v].axes.size()) << name;
    }
  }
}

TEST(Plan, LeavesOutTheTermsThatAFilterRefuses) {
  const WeightSpace space = dense_chain({3, 4, 2});
  const Plan plan = build_plan(space, Fold::fixed(), [](int out, int in, const Partition&) { return out == in; });
  EXPECT_EQ(plan.terms.size(), 2u + 4u + 2u + 4u);
  for (const Term& term : plan.terms) EXPECT_EQ(term.out_view, term.in_view);
  EXPECT_EQ(build_plan(space, Fold::fixed(), [](int, int, const Partition&) { return false; }).terms.size(), 0u);
}

TEST(CoefficientLayout, IsABijectionForTheUnfLayer) {
  for (const auto& [name, tensors] : described_spaces()) {
    const Plan plan = build_plan(WeightSpace(tensors));
    const CoefficientLayout layout = unf_layout(plan, 2, 3);
    std::vector<int64_t> targets = layout.map.target, sources = layout.map.source;
    std::sort(targets.begin(), targets.end());
    std::sort(sources.begin(), sources.end());
    ASSERT_EQ(layout.map.targets, CoefficientShape(plan, 2, 3).total()) << name;
    ASSERT_EQ(static_cast<int64_t>(targets.size()), layout.map.targets) << name;
    for (int64_t i = 0; i < layout.map.targets; ++i) ASSERT_TRUE(targets[i] == i && sources[i] == i) << name;
  }
}

}  // namespace
}  // namespace nfopt
