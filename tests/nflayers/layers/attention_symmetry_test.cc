// Why heads need nested labels: permuting inner units across heads changes what attention computes.

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::tensor;
using Tensors = std::vector<at::Tensor>;

constexpr int64_t kHeads = 2, kQk = 3, kV = 2, kStream = 5;

/// Self-attention with weights q, k, v, o: x [T, d] -> [T, d].
at::Tensor attention(const Tensors& w, const at::Tensor& x) {
  auto heads = [&](const at::Tensor& weight) {
    return x.mm(weight.t()).reshape({x.size(0), kHeads, -1}).transpose(0, 1);
  };
  const at::Tensor scores = heads(w[0]).bmm(heads(w[1]).transpose(1, 2)) / std::sqrt(static_cast<double>(kQk));
  const at::Tensor mixed = scores.softmax(-1).bmm(heads(w[2])).transpose(0, 1).reshape({x.size(0), -1});
  return mixed.mm(w[3].t());
}

/// Largest change of the output over several elements that move one label.
double change(const WeightSpace& space, const std::string& label) {
  Tensors w;
  for (const Tensor& t : space.tensors()) {
    w.push_back(at::empty(t.shape, at::kDouble));
    fill_normal(w.back(), Rng(1).purpose(t.name), 0, 1);
  }
  at::Tensor x = at::empty({4, kStream}, at::kDouble);
  fill_normal(x, Rng(2), 0, 1);
  int index = 0;
  while (space.labels()[index].name != label) ++index;
  double largest = 0;
  for (uint64_t draw = 0; draw < 5; ++draw) {
    const auto moved = apply(random_element_of(space, index, Rng(draw)), space, w);
    largest = std::max(largest, (attention(moved, x) - attention(w, x)).abs().max().item<double>());
  }
  return largest;
}

TEST(Attention, IsUnchangedByHeadsAndByUnitsWithinAHead) {
  const WeightSpace nested({tensor("q", {kHeads * kQk, kStream}, "[[h=2, qk@h], ~d]"),
                            tensor("k", {kHeads * kQk, kStream}, "[[h, qk@h], ~d]"),
                            tensor("v", {kHeads * kV, kStream}, "[[h, v@h], ~d]"),
                            tensor("o", {kStream, kHeads * kV}, "[~d, [h, v@h]]")});
  for (const char* label : {"h", "qk", "v"}) EXPECT_LE(change(nested, label), 1e-12) << label;
}

TEST(Attention, IsChangedByAFlatLabelAcrossHeads) {
  const WeightSpace flat(
      {tensor("q", {kHeads * kQk, kStream}, "[a, ~d]"), tensor("k", {kHeads * kQk, kStream}, "[a, ~d]"),
       tensor("v", {kHeads * kV, kStream}, "[b, ~d]"), tensor("o", {kStream, kHeads * kV}, "[~d, b]")});
  for (const char* label : {"a", "b"}) EXPECT_GT(change(flat, label), 1e-2) << label;
}

}  // namespace
}  // namespace nfopt
