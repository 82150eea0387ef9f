// The group action against brute force on every family: new[s(i), t_i(j)] = old[i, j] entry by entry, inverse,
// composition, identity where a group must not move, leading dimensions, stacks.

#include "tests/nflayers/spec/described_spaces.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

using testing::described_spaces;
using testing::tensor;

std::vector<at::Tensor> random_tensors(const WeightSpace& space, const std::vector<int64_t>& leading) {
  std::vector<at::Tensor> tensors;
  for (const auto& t : space.tensors()) {
    std::vector<int64_t> shape = leading;
    shape.insert(shape.end(), t.shape.begin(), t.shape.end());
    at::Tensor values = torch::empty(shape, at::kDouble);
    tensors.push_back(fill_normal(values, Rng(3).purpose(t.name), 0, 1));
  }
  return tensors;
}

bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!at::equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

int label(const WeightSpace& space, const std::string& name) {
  for (size_t i = 0; i < space.labels().size(); ++i)
    if (space.labels()[i].name == name) return static_cast<int>(i);
  throw std::out_of_range(name);
}

// The definition, entry by entry: follow each factor's ancestors by hand.
std::vector<at::Tensor> by_definition(const WeightSpace& space, const GroupElement& g,
                                      const std::vector<at::Tensor>& old) {
  std::vector<at::Tensor> result;
  for (const auto& t : old) result.push_back(t.clone());
  for (const auto& view : space.views()) {
    const Source& source = space.sources()[static_cast<size_t>(view.source)];
    int64_t count = 1;
    for (const auto& factor : view.factors) count *= factor.size;
    for (int64_t n = 0; n < count; ++n) {
      std::vector<int64_t> index(view.factors.size());
      int64_t rest = n;
      for (size_t f = index.size(); f-- > 0;) {
        index[f] = rest % view.factors[f].size;
        rest /= view.factors[f].size;
      }
      std::vector<int64_t> from = view.axis_offsets;
      std::vector<int64_t> to = view.axis_offsets;
      for (size_t f = 0; f < index.size(); ++f) {
        const Factor& factor = view.factors[f];
        int64_t moved = index[f];
        if (g.moves(factor.label)) {
          // Row-major over the ancestors, the outermost first.
          int64_t tuple = 0;
          int64_t weight = 1;
          for (int k = factor.parent_factor; k >= 0; k = view.factors[static_cast<size_t>(k)].parent_factor) {
            tuple += index[static_cast<size_t>(k)] * weight;
            weight *= view.factors[static_cast<size_t>(k)].size;
          }
          moved =
              g.permutations[static_cast<size_t>(factor.label)][static_cast<size_t>(tuple)][static_cast<size_t>(moved)];
        }
        from[static_cast<size_t>(factor.axis)] += index[f] * factor.stride;
        to[static_cast<size_t>(factor.axis)] += moved * factor.stride;
      }
      const size_t skip = source.stacked ? 1 : 0;
      at::Tensor read = old[static_cast<size_t>(source.tensors[source.stacked ? static_cast<size_t>(from[0]) : 0])];
      at::Tensor write = result[static_cast<size_t>(source.tensors[source.stacked ? static_cast<size_t>(to[0]) : 0])];
      for (size_t axis = skip; axis < from.size(); ++axis) {
        read = read[from[axis]];
        write = write[to[axis]];
      }
      write.copy_(read);
    }
  }
  return result;
}

TEST(GroupActionTest, FollowsTheDefinitionEntryByEntry) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace space(described.tensors);
    const GroupElement g = random_layer_element(space, Fold::none(), Rng(11));
    const auto old = random_tensors(space, {});
    EXPECT_TRUE(equal(apply(g, space, old), by_definition(space, g, old)));
  }
}

TEST(GroupActionTest, TheInverseUndoesAndCompositionIsOneAfterTheOther) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace space(described.tensors);
    const GroupElement g = random_layer_element(space, Fold::none(), Rng(1));
    const GroupElement h = random_layer_element(space, Fold::none(), Rng(2));
    const auto old = random_tensors(space, {2, 3});
    EXPECT_TRUE(equal(apply(inverse(space, g), space, apply(g, space, old)), old));
    EXPECT_TRUE(equal(apply(g, space, apply(inverse(space, g), space, old)), old));
    EXPECT_TRUE(equal(apply(compose(space, g, h), space, old), apply(g, space, apply(h, space, old))));
    EXPECT_TRUE(equal(apply(identity_element(space), space, old), old));
  }
}

TEST(GroupActionTest, LeadingDimensionsAreCarriedAlong) {
  const WeightSpace space({tensor("w", {6, 4}, "[[h=2, k@h], d]"), tensor("s", {}, "[]")});
  const GroupAction action(space, random_symmetry(space, Rng(5)));
  const auto batch = random_tensors(space, {2, 3});
  const auto moved = action(batch);
  EXPECT_EQ(moved[0].sizes(), batch[0].sizes());
  for (int64_t p = 0; p < 2; ++p)
    for (int64_t c = 0; c < 3; ++c) EXPECT_TRUE(at::equal(moved[0][p][c], action({batch[0][p][c], batch[1][p][c]})[0]));
}

TEST(GroupActionTest, ActsUnderAutograd) {
  const WeightSpace space({tensor("w", {4, 3}, "[h, d]")});
  const GroupElement g = random_symmetry(space, Rng(5));
  at::Tensor w = torch::rand({4, 3}, at::kDouble).requires_grad_();
  const at::Tensor weights = torch::rand({4, 3}, at::kDouble);
  (apply(g, space, {w})[0] * weights).sum().backward();
  EXPECT_TRUE(at::equal(w.grad(), apply(inverse(space, g), space, {weights})[0]));
}

TEST(GroupActionTest, WrongTensorsAreNamed) {
  const WeightSpace space({tensor("w", {4, 3}, "[h, d]"), tensor("b", {4}, "[h]")});
  const GroupElement g = random_symmetry(space, Rng(5));
  EXPECT_THROW(apply(g, space, {torch::zeros({4, 3})}), Error);
  try {
    apply(g, space, {torch::zeros({3, 4}), torch::zeros({2, 5})});
    FAIL();
  } catch (const Error& error) {
    for (const char* fragment : {"'w': expected a shape that ends in [4, 3], received [3, 4]", "'b'"})
      EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
  }
}

TEST(GroupActionTest, UndefinedTensorsStayUndefined) {
  const WeightSpace space({tensor("w", {4, 3}, "[h, d]"), tensor("b", {4}, "[h]")});
  const auto moved = apply(random_symmetry(space, Rng(5)), space, {at::Tensor(), torch::rand({4})});
  EXPECT_FALSE(moved[0].defined());
  EXPECT_TRUE(moved[1].defined());
}

TEST(GroupsTest, TheSymmetryGroupMovesPlainLabelsOnly) {
  const WeightSpace space(
      {tensor("q", {6, 5, 3}, "[[*head=2, qk@*head], ~in, *]"), tensor("o", {4, 6}, "[d, [*head, qk@*head]]")});
  const GroupElement g = random_symmetry(space, Rng(1));
  EXPECT_FALSE(g.moves(label(space, "head")));
  EXPECT_FALSE(g.moves(label(space, "in")));
  EXPECT_TRUE(g.moves(label(space, "d")));
  ASSERT_TRUE(g.moves(label(space, "qk")));  // the children of a fixed parent stay free
  EXPECT_EQ(g.permutations[static_cast<size_t>(label(space, "qk"))].size(), 2u);
}

TEST(GroupsTest, TheLayerGroupMovesExactlyWhatIsNotFolded) {
  const WeightSpace space(
      {tensor("q", {6, 5, 3}, "[[*head=2, qk@*head], ~in, *]"), tensor("u", {4, 2}, "[~out, *side]")});
  const auto moved = [&](const Fold& fold) {
    const std::vector<bool> flags = layer_labels(space, fold);
    std::string names;
    for (size_t i = 0; i < flags.size(); ++i)
      if (flags[i]) names += (space.labels()[i].name.empty() ? "bare" : space.labels()[i].name) + " ";
    return names;
  };
  EXPECT_EQ(moved(Fold::fixed()), "head qk in out ");
  EXPECT_EQ(moved(Fold::all()), "head qk ");
  EXPECT_EQ(moved(Fold::none()), "head qk in bare out side ");
  EXPECT_EQ(moved(Fold::only({"in", "side"})), "head qk bare out ");
}

TEST(GroupsTest, TheLayerGroupContainsTheSymmetries) {
  for (const auto& described : described_spaces()) {
    const WeightSpace space(described.tensors);
    const std::vector<bool> symmetric = symmetric_labels(space);
    for (const Fold& fold : {Fold::fixed(), Fold::all(), Fold::none()}) {
      const std::vector<bool> layer = layer_labels(space, fold);
      for (size_t i = 0; i < layer.size(); ++i) EXPECT_LE(symmetric[i], layer[i]) << described.name;
    }
  }
}

TEST(GroupsTest, ANestedLabelDrawsAnOwnPermutationPerIndexOfItsParent) {
  const WeightSpace space({tensor("w", {24, 3}, "[[h=3, k@h], d]")});
  const GroupElement element = random_symmetry(space, Rng(4));
  const auto& permutations = element.permutations[static_cast<size_t>(label(space, "k"))];
  ASSERT_EQ(permutations.size(), 3u);
  EXPECT_TRUE(permutations[0] != permutations[1] || permutations[1] != permutations[2]);
}

TEST(GroupsTest, OneLabelMovesAloneAndNeverByTheIdentity) {
  const WeightSpace space({tensor("w", {8, 3}, "[[h=2, k@h=4], d]")});
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const char* name : {"h", "k", "d"}) {
      const GroupElement g = random_element_of(space, label(space, name), Rng(seed));
      for (size_t i = 0; i < space.labels().size(); ++i) {
        if (static_cast<int>(i) != label(space, name)) {
          EXPECT_FALSE(g.moves(static_cast<int>(i)));
          continue;
        }
        for (const auto& permutation : g.permutations[i])
          EXPECT_FALSE(std::is_sorted(permutation.begin(), permutation.end()));
      }
    }
  EXPECT_THROW(random_element_of(space, 99, Rng(0)), Error);
}

TEST(GroupsTest, DrawsDependOnTheSeedAndTheLabelsNameOnly) {
  const WeightSpace small({tensor("w", {20, 3}, "[h, d]")});
  const WeightSpace large({tensor("x", {5}, "[z]"), tensor("w", {20, 3}, "[h, d]")});
  EXPECT_EQ(random_symmetry(small, Rng(9)).permutations[static_cast<size_t>(label(small, "h"))],
            random_symmetry(large, Rng(9)).permutations[static_cast<size_t>(label(large, "h"))]);
}

// The claim of section "Specs" for one family that has it all: the function of a small GQA block without biases.
TEST(GroupsTest, ASymmetryLeavesGroupedQueryAttentionUnchanged) {
  const WeightSpace space({tensor("q", {8, 5}, "[[g=2, r@g=2, qk@g=2], d]"), tensor("k", {4, 5}, "[[g, qk@g], d]"),
                           tensor("v", {6, 5}, "[[g, v@g], d]"), tensor("o", {4, 12}, "[~out, [g, r@g, v@g]]"),
                           tensor("in", {5, 7}, "[d, ~in]")});
  const auto run = [](const std::vector<at::Tensor>& w) {
    const at::Tensor x = at::matmul(at::linspace(-1, 1, 3 * 7, at::kDouble).view({3, 7}), w[4].t());
    const at::Tensor q = at::matmul(x, w[0].t()).view({3, 2, 2, 2});
    const at::Tensor k = at::matmul(x, w[1].t()).view({3, 2, 2});
    const at::Tensor v = at::matmul(x, w[2].t()).view({3, 2, 3});
    const at::Tensor attention = at::softmax(at::einsum("tgrk,sgk->grts", {q, k}), -1);
    return at::matmul(at::einsum("grts,sgv->tgrv", {attention, v}).reshape({3, 12}), w[3].t());
  };
  const auto weights = random_tensors(space, {});
  const at::Tensor before = run(weights);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const at::Tensor after = run(apply(random_symmetry(space, Rng(seed)), space, weights));
    EXPECT_LT((after - before).abs().max().item<double>(), 1e-12);
  }
  const at::Tensor wrong = run(apply(random_element_of(space, label(space, "out"), Rng(1)), space, weights));
  EXPECT_GT((wrong - before).abs().max().item<double>(), 1e-3);
}

}  // namespace
}  // namespace nfopt
