#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/gru.h>
#include <nfopt/runtime/network/ops/lstm.h>
#include <nfopt/runtime/network/ops/rnn.h>

#include "tests/runtime/network/random_tensors.h"

namespace nfopt {
namespace {

using ops::Direction;
using ops::RecurrentWeights;

constexpr double kTolerance = 1e-13;  // float64, cpu
constexpr int64_t kMembers = 3, kBatch = 2, kSteps = 5, kInput = 3, kHidden = 4, kProjection = 2;

at::Tensor normal(const std::vector<int64_t>& shape, uint64_t seed) { return testing::normal(shape, seed, 0, 0.7); }

RecurrentWeights weights(int64_t gates, int64_t projection = 0) {
  const int64_t state = projection > 0 ? projection : kHidden;
  RecurrentWeights w{normal({kMembers, gates * kHidden, kInput}, 1),
                     normal({kMembers, gates * kHidden, state}, 2),
                     normal({kMembers, gates * kHidden}, 3),
                     normal({kMembers, gates * kHidden}, 4),
                     {}};
  if (projection > 0) w.projection = normal({kMembers, projection, kHidden}, 5);
  return w;
}

// Member p's parameters in the order of torch's functions.
std::vector<at::Tensor> flat(const RecurrentWeights& w, int64_t p) {
  std::vector<at::Tensor> all = {w.input[p], w.recurrent[p], w.input_bias[p], w.recurrent_bias[p]};
  if (w.projection.defined()) all.push_back(w.projection[p]);
  return all;
}

void expect_equal(const at::Tensor& a, const at::Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LT((a - b).abs().max().item<double>(), kTolerance);
}

TEST(Rnn, IsTorchsPerMember) {
  const RecurrentWeights w = weights(1);
  const at::Tensor x = normal({kMembers, kBatch, kSteps, kInput}, 6), h0 = normal({kMembers, kBatch, kHidden}, 7);
  const at::Tensor tanh = ops::rnn(x, w, ops::activation("tanh"), Direction::forward, h0);
  const at::Tensor relu = ops::rnn(x, w, ops::activation("relu"), Direction::forward, h0);
  for (int64_t p = 0; p < kMembers; ++p) {
    const at::Tensor start = h0[p].unsqueeze(0);
    expect_equal(tanh[p], std::get<0>(at::rnn_tanh(x[p], start, flat(w, p), true, 1, 0.0, false, false, true)));
    expect_equal(relu[p], std::get<0>(at::rnn_relu(x[p], start, flat(w, p), true, 1, 0.0, false, false, true)));
  }
}

TEST(Gru, IsTorchsPerMember) {
  const RecurrentWeights w = weights(3);
  const at::Tensor x = normal({kMembers, kBatch, kSteps, kInput}, 6), h0 = normal({kMembers, kBatch, kHidden}, 7);
  const at::Tensor y = ops::gru(x, w, Direction::forward, h0);
  for (int64_t p = 0; p < kMembers; ++p) {
    expect_equal(y[p], std::get<0>(at::gru(x[p], h0[p].unsqueeze(0), flat(w, p), true, 1, 0.0, false, false, true)));
  }
}

TEST(Lstm, IsTorchsPerMemberWithAndWithoutAProjection) {
  for (const int64_t projection : {int64_t{0}, kProjection}) {
    const RecurrentWeights w = weights(4, projection);
    const int64_t state = projection > 0 ? projection : kHidden;
    const at::Tensor x = normal({kMembers, kBatch, kSteps, kInput}, 6);
    const at::Tensor h0 = normal({kMembers, kBatch, state}, 7), c0 = normal({kMembers, kBatch, kHidden}, 8);
    const at::Tensor y = ops::lstm(x, w, Direction::forward, h0, c0);
    for (int64_t p = 0; p < kMembers; ++p) {
      const auto expected =
          at::lstm(x[p], {h0[p].unsqueeze(0), c0[p].unsqueeze(0)}, flat(w, p), true, 1, 0.0, false, false, true);
      expect_equal(y[p], std::get<0>(expected));
    }
  }
}

TEST(Recurrence, BackwardIsForwardOnTheReversedSequence) {
  const at::Tensor x = normal({1, kBatch, kSteps, kInput}, 6);
  const at::Tensor backward = ops::gru(x, weights(3), Direction::backward);
  expect_equal(backward, ops::gru(x.flip(2), weights(3), Direction::forward).flip(2));
}

TEST(Recurrence, BeginsWithZerosUnlessToldOtherwise) {
  const at::Tensor x = normal({1, kBatch, kSteps, kInput}, 6);
  const at::Tensor zeros = at::zeros({kMembers, 1, kHidden}, at::kDouble);
  expect_equal(ops::lstm(x, weights(4), Direction::forward),
               ops::lstm(x, weights(4), Direction::forward, zeros, zeros));
  const at::Tensor ones = at::ones({kMembers, 1, kHidden}, at::kDouble);
  EXPECT_GT((ops::lstm(x, weights(4), Direction::forward) - ops::lstm(x, weights(4), Direction::forward, ones, zeros))
                .abs()
                .max()
                .item<double>(),
            1e-3);
}

TEST(Recurrence, EitherBiasMayBeMissing) {
  const at::Tensor x = normal({1, kBatch, kSteps, kInput}, 6);
  const auto run = [&](bool input, bool recurrent, int64_t gates) {
    RecurrentWeights w = weights(gates);
    w.input_bias = input ? w.input_bias : at::Tensor();
    w.recurrent_bias = recurrent ? w.recurrent_bias : at::Tensor();
    return gates == 3 ? ops::gru(x, w, Direction::forward)
                      : ops::rnn(x, w, ops::activation("tanh"), Direction::forward);
  };
  for (const int64_t gates : {1, 3}) {
    std::vector<at::Tensor> results;
    for (const bool input : {false, true}) {
      for (const bool recurrent : {false, true}) results.push_back(run(input, recurrent, gates));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_GT((results[i] - results[j]).abs().max().item<double>(), 1e-3);
    }
  }
}

TEST(Recurrence, GivesEachMemberItsOwnGradientOfASharedInput) {
  const at::Tensor x = normal({1, kBatch, kSteps, kInput}, 6);
  for (const int64_t gates : {int64_t{1}, int64_t{3}, int64_t{4}}) {
    const auto run = [&](const RecurrentWeights& w) {
      return gates == 1   ? ops::rnn(x, w, ops::activation("tanh"), Direction::backward)
             : gates == 3 ? ops::gru(x, w, Direction::backward)
                          : ops::lstm(x, w, Direction::backward);
    };
    RecurrentWeights all = weights(gates);
    all.recurrent.requires_grad_();
    run(all).square().sum().backward();
    for (int64_t p = 0; p < kMembers; ++p) {
      const RecurrentWeights w = weights(gates);
      const auto own = [&](const at::Tensor& t) { return t.narrow(0, p, 1).clone(); };
      RecurrentWeights one{own(w.input), own(w.recurrent), own(w.input_bias), own(w.recurrent_bias), {}};
      one.recurrent.requires_grad_();
      run(one).square().sum().backward();
      EXPECT_LT((all.recurrent.grad()[p] - one.recurrent.grad()[0]).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST(Recurrence, RefusesWhatIsNoSequence) {
  EXPECT_THROW(ops::gru(normal({1, kBatch, kInput}, 6), weights(3), Direction::forward), Error);
  EXPECT_THROW(ops::gru(normal({1, kBatch, 0, kInput}, 6), weights(3), Direction::forward), Error);
  EXPECT_THROW(ops::gru(normal({1, kBatch, kSteps, kInput + 1}, 6), weights(3), Direction::forward), Error);
}

}  // namespace
}  // namespace nfopt
