#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/losses/accuracy.h>
#include <nfopt/runtime/network/losses/cross_entropy.h>
#include <nfopt/runtime/network/losses/mean_squared_error.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/network/ops/linear.h>

#include <cmath>

#include "tests/runtime/network/random_tensors.h"

namespace nfopt {
namespace {

using testing::difference;
using testing::normal;

constexpr double kTolerance = 1e-13;  // float64, cpu

TEST(Linear, EqualsOneLinearMapPerMember) {
  const at::Tensor w = normal({3, 4, 5}, 1), bias = normal({3, 4}, 2);
  for (const int64_t members : {1, 3}) {
    for (const bool with_bias : {true, false}) {
      const at::Tensor x = normal({members, 7, 2, 5}, 3);
      const at::Tensor y = ops::linear(x, w, with_bias ? bias : at::Tensor());
      for (int64_t p = 0; p < 3; ++p) {
        const at::Tensor own = x[members == 1 ? 0 : p];
        const at::Tensor expected = with_bias ? at::linear(own, w[p], bias[p]) : at::linear(own, w[p]);
        EXPECT_LT(difference(y[p], expected), kTolerance);
      }
    }
  }
}

TEST(Linear, GivesEachMemberItsOwnGradientOfASharedInput) {
  at::Tensor x = normal({1, 6, 5}, 1).requires_grad_();
  at::Tensor w = normal({2, 4, 5}, 2).requires_grad_(), bias = normal({2, 4}, 3).requires_grad_();
  const at::Tensor seed = normal({2, 6, 4}, 4);
  (ops::linear(x, w, bias) * seed).sum().backward();
  for (int64_t p = 0; p < 2; ++p) {
    EXPECT_LT(difference(w.grad()[p], seed[p].t().mm(x.detach()[0])), kTolerance);
    EXPECT_LT(difference(bias.grad()[p], seed[p].sum(0)), kTolerance);
  }
  EXPECT_LT(difference(x.grad()[0], seed[0].mm(w.detach()[0]) + seed[1].mm(w.detach()[1])), kTolerance);
}

TEST(Linear, SaysWhichShapesDisagree) {
  try {
    ops::linear(normal({1, 6, 4}, 1), normal({2, 4, 5}, 2));
    FAIL() << "accepted 4 inputs for 5 columns";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("received x [1, 6, 4], weight [2, 4, 5], bias none"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(ops::linear(normal({3, 6, 5}, 1), normal({2, 4, 5}, 2)), Error);
  EXPECT_THROW(ops::linear(normal({1, 6, 5}, 1), normal({2, 4, 5}, 2), normal({4}, 3)), Error);
}

TEST(Activation, EveryNameIsAFunctionThatKeepsTheShape) {
  const at::Tensor x = normal({2, 3, 4}, 1);
  for (const auto& name : ops::activation_names()) EXPECT_EQ(ops::activation(name)(x).sizes(), x.sizes()) << name;
  EXPECT_LT(difference(ops::activation("sine")(x), x.sin()), kTolerance);
  EXPECT_LT(difference(ops::activation("gelu")(x), 0.5 * x * (1 + (x / std::sqrt(2.0)).erf())), 1e-12);
  EXPECT_THROW(ops::activation("rely"), Error);
}

TEST(CrossEntropy, IsTorchsPerMember) {
  const at::Tensor logits = normal({3, 7, 5}, 1);
  const at::Tensor shared = at::tensor({0, 1, 2, 3, 4, 0, 1}, at::kLong).unsqueeze(0);
  const at::Tensor own = at::cat({shared, shared.flip(1), shared.roll(1, 1)});
  for (const auto& labels : {shared, own}) {
    const at::Tensor loss = losses::cross_entropy(logits, labels);
    for (int64_t p = 0; p < 3; ++p) {
      const at::Tensor expected = at::cross_entropy_loss(logits[p], labels[labels.size(0) == 1 ? 0 : p]);
      EXPECT_LT(difference(loss[p], expected), kTolerance);
    }
  }
}

TEST(CrossEntropy, AveragesOverEveryBatchAxis) {
  const at::Tensor logits = normal({2, 3, 4, 5}, 1);  // [P, B, T, C]: one prediction per position of a text
  const at::Tensor labels = at::zeros({1, 3, 4}, at::kLong);
  EXPECT_LT(difference(losses::cross_entropy(logits, labels), -logits.log_softmax(-1).select(-1, 0).mean({1, 2})),
            kTolerance);
}

TEST(Losses, RefuseShapesThatWouldBroadcastSilently) {
  EXPECT_THROW(losses::cross_entropy(normal({2, 7, 5}, 1), at::zeros({7}, at::kLong)), Error);
  EXPECT_THROW(losses::cross_entropy(normal({2, 7, 5}, 1), at::zeros({1, 7}, at::kFloat)), Error);
  EXPECT_THROW(losses::mean_squared_error(normal({2, 7, 1}, 1), normal({1, 7}, 2)), Error);
  EXPECT_THROW(losses::mean_squared_error(normal({2, 7, 5}, 1), normal({1, 1, 5}, 2)), Error);
}

TEST(MeanSquaredError, IsTheMeanPerMember) {
  const at::Tensor prediction = normal({3, 7, 2}, 1), target = normal({1, 7, 2}, 2);
  EXPECT_LT(difference(losses::mean_squared_error(prediction, target), (prediction - target).pow(2).mean({1, 2})),
            kTolerance);
}

TEST(Accuracy, CountsPerMember) {
  const at::Tensor labels = at::tensor({0, 1, 1, 0}, at::kLong).unsqueeze(0);
  const at::Tensor right = at::one_hot(labels[0], 2).to(at::kDouble);
  const at::Tensor first = at::one_hot(at::zeros({4}, at::kLong), 2).to(at::kDouble);
  const at::Tensor accuracy = losses::accuracy(at::stack({right, first}), labels);
  EXPECT_EQ(accuracy[0].item<double>(), 1.0);
  EXPECT_EQ(accuracy[1].item<double>(), 0.5);
}

}  // namespace
}  // namespace nfopt
