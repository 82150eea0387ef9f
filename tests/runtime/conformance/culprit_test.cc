// The mistakes that authors of descriptions make. Each network is right; one description is right, the other is what
// somebody wrote in good faith: the checker has to name the label and the tensor.

#include <gtest/gtest.h>

#include "tiny_architecture.h"

namespace nfopt {
namespace {

using testing::affine;
using testing::Forward;
using testing::said;
using testing::tensor;
using testing::TinyArchitecture;
using Tensors = std::vector<TensorDescription>;

struct Mistake {
  const char* name;
  std::vector<int64_t> input;
  Forward forward;
  Tensors right;
  Tensors wrong;
  std::vector<std::string> named;  // in what function-unchanged says about the wrong one
};

// y = softmax(q k^T) v o over positions, two heads of three; x [P|1, B, 4 positions, 4]
at::Tensor attention(Members& w, const at::Tensor& x, const Pass&) {
  const auto heads = [&](const char* name) { return affine(x, w[name]).unflatten(-1, {2, 3}).transpose(-2, -3); };
  const at::Tensor scores = heads("q").matmul(heads("k").transpose(-1, -2)).softmax(-1);
  return affine(scores.matmul(heads("v")).transpose(-2, -3).flatten(-2), w["o"]);
}

// Six channels in two groups, normalised per example and group; x [P|1, B, 5]
at::Tensor group_normalised(Members& w, const at::Tensor& x, const Pass&) {
  at::Tensor h = affine(x, w["w1"]).unflatten(-1, {2, 3});
  h = (h - h.mean(-1, true)) / (h.var(-1, false, true) + 1e-5).sqrt();
  return affine(h.flatten(-2) * w["scale"].unsqueeze(1), w["w2"]);
}

// One head with rotary positions: entry i turns with entry i + 2; x [P|1, B, 3 positions, 5]
at::Tensor rotary(Members& w, const at::Tensor& x, const Pass&) {
  const at::Tensor angle = at::arange(3, x.options()).unsqueeze(1) * at::tensor({1.0, 0.1}, x.options());
  const auto turned = [&](const char* name) {
    const auto halves = affine(x, w[name]).chunk(2, -1);
    return at::cat(
        {halves[0] * angle.cos() - halves[1] * angle.sin(), halves[1] * angle.cos() + halves[0] * angle.sin()}, -1);
  };
  return affine(turned("q").matmul(turned("k").transpose(-1, -2)).softmax(-1).matmul(x), w["o"]);
}

// Three channels over four pixels, flattened channels first; x [P|1, B, 2, 4]
at::Tensor flattened_channels_first(Members& w, const at::Tensor& x, const Pass&) {
  const at::Tensor channels = affine(x.transpose(-1, -2), w["conv"]).relu();  // [.., pixels, channels]
  return affine(channels.transpose(-1, -2).flatten(-2), w["fc"]);
}

at::Tensor residual(Members& w, const at::Tensor& x, const Pass&) {
  const at::Tensor h = affine(x, w["in"]);
  return affine((h + affine(affine(h, w["up"]).tanh(), w["down"], w["bias"])).tanh(), w["out"]);
}

at::Tensor batch_normalised(Members& w, const at::Tensor& x, const Pass& pass) {
  at::Tensor h = affine(x, w["w1"]);
  at::Tensor mean = w["bn.running_mean"].unsqueeze(1), variance = w["bn.running_var"].unsqueeze(1);
  if (pass.training) {
    mean = h.mean(1, true);
    variance = h.var(1, false, true);
    at::NoGradGuard no_grad;
    w.buffer("bn.running_mean").copy_(0.9 * w["bn.running_mean"] + 0.1 * mean.squeeze(1));
    w.buffer("bn.running_var").copy_(0.9 * w["bn.running_var"] + 0.1 * variance.squeeze(1));
  }
  return affine(((h - mean) / (variance + 1e-5).sqrt()).tanh(), w["w2"]);
}

at::Tensor two_layers(Members& w, const at::Tensor& x, const Pass&) {
  return affine(affine(x, w["w1"]).tanh(), w["w2"]);
}

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> all = {
      {"FlatLabelOverHeads",
       {4, 4},
       attention,
       {tensor("q", "[[h=2, k@h=3], ~d=4]"), tensor("k", "[[h, k@h], ~d]"), tensor("v", "[[h, v@h=3], ~d]"),
        tensor("o", "[~out=2, [h, v@h]]")},
       {tensor("q", "[k=6, ~d=4]"), tensor("k", "[k, ~d]"), tensor("v", "[[h=2, v@h=3], ~d]"),
        tensor("o", "[~out=2, [h, v@h]]")},
       {"label 'k' is not a symmetry", "moved: 'q' axis 0, 'k' axis 0", "not moved: 'q' axis 1, 'k' axis 1",
        "within 2 equal blocks", "in_k@"}},
      {"FlatChannelsUnderGroupNorm",
       {5},
       group_normalised,
       {tensor("w1", "[[g=2, i@g=3], ~in=5]"), tensor("scale", "[[g, i@g]]"), tensor("w2", "[~out=2, [g, i@g]]")},
       {tensor("w1", "[c=6, ~in=5]"), tensor("scale", "[c]"), tensor("w2", "[~out=2, c]")},
       {"label 'c' is not a symmetry", "moved: 'w1' axis 0, 'scale' axis 0, 'w2' axis 1", "[c=2, in_c@c]"}},
      {"PermutableHeadUnderRotaryPositions",
       {3, 5},
       rotary,
       {tensor("q", "[~rot=4, ~d=5]"), tensor("k", "[~rot, ~d]"), tensor("o", "[~out=2, ~d]")},
       {tensor("q", "[r=4, ~d=5]"), tensor("k", "[r, ~d]"), tensor("o", "[~out=2, ~d]")},
       {"label 'r' is not a symmetry", "moved: 'q' axis 0, 'k' axis 0", "write '~r'"}},
      {"ChannelsLastInAChannelsFirstNetwork",
       {2, 4},
       flattened_channels_first,
       {tensor("conv", "[c=3, ~in=2]"), tensor("fc", "[~out=2, [c, ~pix=4]]")},
       {tensor("conv", "[c=3, ~in=2]"), tensor("fc", "[~out=2, [~pix=4, c]]")},
       {"label 'c' is not a symmetry", "if the factors of 'fc' axis 1 stand in reverse order"}},
      {"FreshLabelAfterAResidualAdd",
       {5},
       residual,
       {tensor("in", "[r=4, ~in=5]"), tensor("up", "[u=3, r]"), tensor("down", "[r, u]"), tensor("bias", "[r]"),
        tensor("out", "[~out=2, r]")},
       {tensor("in", "[r=4, ~in=5]"), tensor("up", "[u=3, r]"), tensor("down", "[s=4, u]"), tensor("bias", "[s]"),
        tensor("out", "[~out=2, r]")},
       {"label 's' is not a symmetry", "label 'r' is not a symmetry",
        "It is one together with 's' ('down' axis 0, 'bias' axis 0)"}},
      {"RunningStatisticsWithALabelOfTheirOwn",
       {5},
       batch_normalised,
       {tensor("w1", "[c=4, ~in=5]"), tensor("bn.running_mean", "[c]", Kind::buffer),
        tensor("bn.running_var", "[c]", Kind::buffer), tensor("w2", "[~out=2, c]")},
       {tensor("w1", "[c=4, ~in=5]"), tensor("bn.running_mean", "[c]", Kind::buffer),
        tensor("bn.running_var", "[~var=4]", Kind::buffer), tensor("w2", "[~out=2, c]")},
       {"label 'c' is not a symmetry", "together with '~var' ('bn.running_var' axis 0)"}},
      {"SwappedAxes",
       {4},
       two_layers,
       {tensor("w1", "[h=4, ~in=4]"), tensor("w2", "[~out=2, h]")},
       {tensor("w1", "[~in=4, h=4]"), tensor("w2", "[~out=2, h]")},
       {"label 'h' is not a symmetry", "'w1' axis 0 moves instead of axis 1", "swapped"}},
      {"OneAxisForgotten",
       {4},
       two_layers,
       {tensor("w1", "[h=4, ~in=4]"), tensor("w2", "[~out=2, h]")},
       {tensor("w1", "[h=4, ~in=4]"), tensor("w2", "[~out=2, ~in]")},
       {"label 'h' is not a symmetry", "It is one if 'w2' axis 1 moves, too"}},
      {"OneAxisTooMany",
       {4},
       two_layers,
       {tensor("w1", "[h=4, ~in=4]"), tensor("w2", "[~out=4, h]")},
       {tensor("w1", "[h=4, ~in=4]"), tensor("w2", "[h, h]")},
       {"label 'h' is not a symmetry", "It is one if 'w2' axis 0 stays"}},
  };
  return all;
}

class Culprit : public ::testing::TestWithParam<Mistake> {
 protected:
  static ArchitecturePtr with(const Tensors& tensors) {
    return std::make_shared<TinyArchitecture>(tensors, GetParam().input, GetParam().forward);
  }
};

TEST_P(Culprit, IsNamed) {
  const std::string failures = said("function-unchanged", with(GetParam().wrong)).failures;
  for (const auto& text : GetParam().named)
    EXPECT_NE(failures.find(text), std::string::npos) << text << "\n" << failures;
}

TEST_P(Culprit, DoesNotExistInTheRightDescription) {
  for (const auto& test : conformance::conformance_tests())
    EXPECT_EQ(said(test.name, with(GetParam().right)).failures, "") << test.name;
}

TEST_P(Culprit, IsFoundInTraining) { EXPECT_NE(said("training-unchanged", with(GetParam().wrong)).failures, ""); }

INSTANTIATE_TEST_SUITE_P(Mistakes, Culprit, ::testing::ValuesIn(mistakes()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(MissedSymmetries, AreNotesThatNameTheAxes) {
  const auto hidden = std::make_shared<TinyArchitecture>(
      Tensors{tensor("w1", "[~h=3, ~in=4]"), tensor("w2", "[~out=2, ~h]")}, std::vector<int64_t>{4}, two_layers);
  EXPECT_EQ(said("symmetries-complete", hidden).notes,
            "'~h' ('w1' axis 0, 'w2' axis 1) may be permuted: a plain label would say so.\n");
  EXPECT_EQ(said("symmetries-complete", hidden).failures, "");

  const auto apart = std::make_shared<TinyArchitecture>(
      Tensors{tensor("w1", "[*a=3, ~in=4]"), tensor("w2", "[~out=2, ~b=3]")}, std::vector<int64_t>{4}, two_layers);
  EXPECT_EQ(said("symmetries-complete", apart).notes,
            "'*a' ('w1' axis 0) and '~b' ('w2' axis 1) may be permuted together: one plain label would say so.\n");

  const auto right = std::make_shared<TinyArchitecture>(
      Tensors{tensor("w1", "[h=3, ~in=4]"), tensor("w2", "[~out=2, h]")}, std::vector<int64_t>{4}, two_layers);
  EXPECT_EQ(said("symmetries-complete", right).notes, "");
}

TEST(ForgottenBuffers, AreNamedByTheFirstForwardPass) {
  const auto forgetful = std::make_shared<TinyArchitecture>(
      Tensors{tensor("w1", "[c=4, ~in=5]"), tensor("bn.running_mean", "[c]", Kind::buffer),
              tensor("w2", "[~out=2, c]")},
      std::vector<int64_t>{5}, batch_normalised);
  const std::string failures = said("shapes-agree", forgetful).failures;
  EXPECT_NE(failures.find("'bn.running_var'"), std::string::npos) << failures;
}

}  // namespace
}  // namespace nfopt
