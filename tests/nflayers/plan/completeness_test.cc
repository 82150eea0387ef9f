// The terms span every linear map that commutes with the layer group: their rank is the number of orbits of the group
// on pairs (entry of an output, entry of an input), counted by brute force.

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <torch/types.h>

#include <numeric>

#include "tests/nflayers/plan/naive_layer.h"
#include "tests/nflayers/plan/numbered_spaces.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

/// The entries of all tensors, numbered; where a group element takes each of them from.
std::vector<int64_t> moved_entries(const WeightSpace& space, const GroupElement& g) {
  std::vector<at::Tensor> numbers;
  int64_t next = 0;
  for (const Tensor& tensor : space.tensors()) {
    numbers.push_back(at::arange(next, next + tensor.numel(), at::kLong).reshape(tensor.shape));
    next += tensor.numel();
  }
  std::vector<int64_t> result;
  for (const at::Tensor& t : apply(g, space, numbers)) {
    const at::Tensor flat = t.contiguous().reshape(-1);
    result.insert(result.end(), flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel());
  }
  return result;
}

int64_t orbits_on_pairs(const WeightSpace& space, const Fold& fold) {
  int64_t entries = 0;
  for (const Tensor& tensor : space.tensors()) entries += tensor.numel();
  std::vector<int64_t> root(entries * entries);
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](int64_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  int64_t orbits = entries * entries;
  // Random elements generate the whole group unless all of them miss the same part of it: 24 leave 2^-24 per part.
  for (uint64_t draw = 0; draw < 24; ++draw) {
    const auto from = moved_entries(space, random_layer_element(space, fold, Rng(draw)));
    for (int64_t i = 0; i < entries; ++i) {
      for (int64_t j = 0; j < entries; ++j) {
        const int64_t a = find(i * entries + j), b = find(from[i] * entries + from[j]);
        if (a == b) continue;
        root[a] = b;
        --orbits;
      }
    }
  }
  return orbits;
}

/// Terms between different views and different folded indices touch different entries, so ranks add up.
int64_t rank_of_terms(const WeightSpace& space, const Fold& fold) {
  const auto layers = fold_views(space, fold);
  int64_t rank = 0;
  for (const LayerView& in : layers) {
    std::vector<int64_t> sizes = {1};
    for (const LayerAxis& axis : in.axes) sizes.push_back(axis.size);
    int64_t numel = 1;
    for (int64_t size : sizes) numel *= size;
    sizes[0] = numel;
    const at::Tensor entries = at::eye(numel, at::kDouble).reshape(sizes);
    for (const LayerView& out : layers) {
      std::vector<at::Tensor> maps;
      for (const Partition& partition : valid_partitions(out.axes, in.axes)) {
        const at::Tensor map = testing::naive_term(out, in, partition, entries).reshape(-1);
        maps.push_back(map / map.norm());
      }
      const at::Tensor all = at::stack(maps);
      const at::Tensor eigenvalues = at::linalg_eigvalsh(all.mm(all.t()));
      rank += (eigenvalues > 1e-9).sum().item<int64_t>() * out.folded_size * in.folded_size;
    }
  }
  return rank;
}

TEST(Basis, SpansEveryMapThatCommutesWithTheLayerGroup) {
  for (const auto& [name, tensors] : testing::described_spaces()) {
    const WeightSpace space(tensors);
    EXPECT_EQ(rank_of_terms(space, Fold::fixed()), orbits_on_pairs(space, Fold::fixed())) << name << ", fold fixed";
    EXPECT_EQ(rank_of_terms(space, Fold::all()), orbits_on_pairs(space, Fold::all())) << name << ", fold all";
  }
}

TEST(Basis, LosesTermsOnShortAxes) {
  // [p, p] <- [p, p] has 15 terms; on short axes some are copies or sums of others (docs/weight-spaces.md).
  for (const auto& [size, rank] : {std::pair<int64_t, int64_t>{1, 1}, {2, 8}, {3, 14}, {4, 15}}) {
    const WeightSpace space = testing::numbered({{"r", {0, 0}, {size, size}}});
    EXPECT_EQ(rank_of_terms(space, Fold::fixed()), rank) << size;
    EXPECT_EQ(orbits_on_pairs(space, Fold::fixed()), rank) << size;
  }
}

}  // namespace
}  // namespace nfopt
