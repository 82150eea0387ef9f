// Convolution, normalisation and pooling of P members against LibTorch's own, member by member.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/batch_norm.h>
#include <nfopt/runtime/network/ops/conv2d.h>
#include <nfopt/runtime/network/ops/group_norm.h>
#include <nfopt/runtime/network/ops/images.h>
#include <nfopt/runtime/network/ops/member_channels.h>
#include <nfopt/runtime/network/ops/pooling.h>

#include "tests/runtime/network/random_tensors.h"

namespace nfopt {
namespace {

using testing::difference;
using testing::normal;

constexpr double kTolerance = 1e-12;  // float64, cpu

const void* address(const at::Tensor& t) { return t.storage().data(); }

TEST(MemberChannels, MovesNothingOnTheWayThroughANetwork) {
  const at::Tensor y = normal({4, 6, 3, 3}, 1);
  const at::Tensor members = ops::channels_to_members(y, 2);
  EXPECT_EQ(members.sizes(), (std::vector<int64_t>{2, 4, 3, 3, 3}));
  const at::Tensor back = ops::members_to_channels(members, 2);
  EXPECT_EQ(address(back), address(y));
  EXPECT_TRUE(at::equal(back, y));
  const at::Tensor after = members.relu();  // elementwise operations keep the order in memory
  EXPECT_EQ(address(ops::members_to_channels(after, 2)), address(after));
}

TEST(MemberChannels, ASingleNetworkIsNeverCopied) {
  const at::Tensor x = normal({1, 4, 3, 5, 5}, 1);
  EXPECT_EQ(address(ops::members_to_channels(x, 1)), address(x));
}

struct ConvCase {
  int64_t members, in, out, kernel;
  ops::Conv2dOptions options;
};

TEST(Conv2d, EqualsOneConvolutionPerMember) {
  for (const ConvCase& c :
       {ConvCase{1, 3, 4, 3, {1, 1, 1}}, ConvCase{3, 3, 4, 3, {1, 1, 1}}, ConvCase{3, 4, 6, 3, {2, 1, 2}},
        ConvCase{2, 4, 4, 2, {1, 0, 4}}, ConvCase{2, 4, 8, 3, {1, 1, 4}}, ConvCase{1, 4, 8, 1, {1, 0, 4}}}) {
    for (const bool shared : {true, false}) {
      const int64_t own = shared ? 1 : c.members;
      at::Tensor x = normal({own, 2, c.in, 6, 5}, 1).requires_grad_();
      at::Tensor w = normal({c.members, c.out, c.in / c.options.groups, c.kernel, c.kernel}, 2).requires_grad_();
      at::Tensor bias = normal({c.members, c.out}, 3).requires_grad_();
      const at::Tensor y = ops::conv2d(x, w, bias, c.options);
      std::vector<at::Tensor> each;
      for (int64_t p = 0; p < c.members; ++p) {
        each.push_back(
            at::conv2d(x[shared ? 0 : p], w[p], bias[p], c.options.stride, c.options.padding, 1, c.options.groups));
      }
      const at::Tensor expected = at::stack(each);
      EXPECT_LT(difference(y, expected), kTolerance);
      const at::Tensor cotangent = normal(y.sizes().vec(), 4);
      const auto got = torch::autograd::grad({y}, {x, w, bias}, {cotangent});
      const auto want = torch::autograd::grad({expected}, {x, w, bias}, {cotangent});
      for (size_t i = 0; i < got.size(); ++i) EXPECT_LT(difference(got[i], want[i]), kTolerance) << "gradient " << i;
      EXPECT_LT(difference(ops::conv2d(x, w, {}, c.options), y - bias.unsqueeze(1).unsqueeze(3).unsqueeze(4)),
                kTolerance);
    }
  }
}

TEST(Conv2d, SaysWhichShapesDisagree) {
  try {
    ops::conv2d(normal({1, 2, 3, 5, 5}, 1), normal({2, 4, 2, 3, 3}, 2), {}, {.groups = 2});
    FAIL() << "accepted 3 channels for two groups of two";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what())
                  .find("received x [1, 2, 3, 5, 5], weight [2, 4, 2, 3, 3], bias none, stride 1, padding 0, groups 2"),
              std::string::npos)
        << error.what();
  }
  const at::Tensor x = normal({1, 2, 3, 2, 2}, 1), w = normal({2, 4, 3, 3, 3}, 2);
  EXPECT_THROW(ops::conv2d(x, w), Error);                                  // the kernel is larger than the image
  EXPECT_THROW(ops::conv2d(x, w, normal({4}, 3), {.padding = 1}), Error);  // a bias for one member
  EXPECT_THROW(ops::conv2d(x, w, {}, {.stride = 0, .padding = 1}), Error);
  EXPECT_THROW(ops::conv2d(normal({3, 2, 3, 4, 4}, 1), w), Error);  // three inputs for two members
}

TEST(BatchNorm, IsTorchsPerMemberWithItsRunningStatistics) {
  const at::Tensor x = normal({3, 4, 5, 2, 3}, 1), weight = normal({3, 5}, 2), bias = normal({3, 5}, 3);
  at::Tensor mean = normal({3, 5}, 4), variance = normal({3, 5}, 5).abs() + 0.5;
  at::Tensor steps = at::zeros({3}, at::kDouble);
  for (int step = 1; step <= 2; ++step) {
    const at::Tensor mean_before = mean.clone(), variance_before = variance.clone();
    const at::Tensor y = ops::batch_norm_in_training(x, weight, bias, {mean, variance, steps}, {.momentum = 0.3});
    for (int64_t p = 0; p < 3; ++p) {
      at::Tensor m = mean_before[p].clone(), v = variance_before[p].clone();
      EXPECT_LT(difference(y[p], at::batch_norm(x[p], weight[p], bias[p], m, v, true, 0.3, 1e-5, false)), kTolerance);
      EXPECT_LT(difference(mean[p], m), kTolerance);
      EXPECT_LT(difference(variance[p], v), kTolerance);
      EXPECT_EQ(steps[p].item<double>(), step);
    }
  }
  const at::Tensor y = ops::batch_norm_in_evaluation(x, weight, bias, mean, variance);
  for (int64_t p = 0; p < 3; ++p) {
    const at::Tensor expected = at::batch_norm(x[p], weight[p], bias[p], mean[p], variance[p], false, 0, 1e-5, false);
    EXPECT_LT(difference(y[p], expected), kTolerance);
  }
}

TEST(BatchNorm, GivesMembersThatShareStatisticsTheirOwn) {
  const at::Tensor x = normal({2, 4, 3, 2, 2}, 1), one = at::ones({2, 3}, at::kDouble);
  at::Tensor mean = at::zeros({1, 3}, at::kDouble).expand({2, 3}), variance = one[0].expand({2, 3});
  at::Tensor steps = at::zeros({1}, at::kDouble).expand({2});
  const at::Tensor before = mean;
  ops::batch_norm_in_training(x, one, one, {mean, variance, steps});
  EXPECT_LT(difference(mean, 0.1 * x.mean({1, 3, 4})), kTolerance);
  EXPECT_EQ(before.abs().max().item<double>(), 0) << "wrote into memory that members share";
  EXPECT_EQ(steps.sum().item<double>(), 2);
}

TEST(BatchNorm, NeedsMoreThanOneValuePerChannel) {
  const at::Tensor one = at::ones({2, 3}, at::kDouble);
  at::Tensor mean = at::zeros({2, 3}, at::kDouble), variance = one.clone(), steps = at::zeros({2}, at::kDouble);
  EXPECT_THROW(ops::batch_norm_in_training(normal({2, 1, 3, 1, 1}, 1), one, one, {mean, variance, steps}), Error);
  EXPECT_EQ(steps.sum().item<double>(), 0);
  EXPECT_THROW(ops::batch_norm_in_evaluation(normal({2, 1, 4}, 1), one, one, mean, variance), Error);
}

TEST(GroupNorm, IsTorchsPerMember) {
  const at::Tensor x = normal({3, 4, 6, 2, 3}, 1), weight = normal({3, 6}, 2), bias = normal({3, 6}, 3);
  for (const int64_t groups : {1, 2, 3, 6}) {
    const at::Tensor y = ops::group_norm(x, groups, weight, bias);
    for (int64_t p = 0; p < 3; ++p) {
      EXPECT_LT(difference(y[p], at::group_norm(x[p], groups, weight[p], bias[p], 1e-5, false)), kTolerance);
    }
  }
  EXPECT_THROW(ops::group_norm(x, 4, weight, bias), Error);
}

TEST(Pooling, IsTorchsPerMember) {
  const at::Tensor x = normal({3, 2, 4, 7, 6}, 1);
  const at::Tensor y = ops::max_pool(x, {.size = 3, .stride = 2, .padding = 1});
  for (int64_t p = 0; p < 3; ++p) EXPECT_EQ(difference(y[p], at::max_pool2d(x[p], 3, 2, 1)), 0);
  EXPECT_LT(difference(ops::global_average_pool(x), x.flatten(3).mean(3)), kTolerance);
  EXPECT_THROW(ops::max_pool(x, {.size = 8, .stride = 1}), Error);
  EXPECT_THROW(ops::max_pool(x[0]), Error);
  EXPECT_THROW(ops::global_average_pool(x[0]), Error);
}

TEST(Images, AreReadRowMajorFromFlatExamples) {
  const at::Tensor flat = normal({1, 5, 24}, 1);
  const at::Tensor images = ops::images(flat, {2, 3, 4});
  EXPECT_EQ(images[0][1][1][2][3].item<double>(), flat[0][1][23].item<double>());
  const at::Tensor other_size = normal({2, 5, 2, 9, 9}, 1);
  EXPECT_EQ(address(ops::images(other_size, {2, 3, 4})), address(other_size));
  EXPECT_THROW(ops::images(normal({1, 5, 23}, 1), {2, 3, 4}), Error);
  EXPECT_THROW(ops::images(normal({24}, 1), {2, 3, 4}), Error);
}

}  // namespace
}  // namespace nfopt
