#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/kernels/no_cuda/no_cuda_kernels.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <limits>

#include "tests/nflayers/kernels/momentum_problem.h"

namespace nfopt {
namespace {

std::string refusal(const CudaKernels& kernels) {
  const MomentumProblem in = momentum_problem(1, {{2}}, at::kFloat);
  try {
    kernels.accumulate_momenta(in.params, in.grads, in.momenta, kDecays, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(NoCudaKernels, EveryKernelSaysWhy) {
  const auto kernels = no_cuda_kernels("this machine has no NVIDIA driver. Use the CPU.");
  EXPECT_EQ(kernels->unavailable(), "this machine has no NVIDIA driver. Use the CPU.");
  EXPECT_EQ(refusal(*kernels),
            "[cuda] CUDA kernels are not available: this machine has no NVIDIA driver. Use the CPU.");
}

TEST(CudaKernelsHere, RunOrSayWhatIsMissing) {
  const CudaKernels& kernels = cuda_kernels();
  EXPECT_EQ(&kernels, &cuda_kernels());
  if (kernels.unavailable().empty()) {
    EXPECT_NE(refusal(kernels).find("on a GPU"), std::string::npos);  // its tensors are on the CPU
  } else {
    EXPECT_NE(refusal(kernels).find(kernels.unavailable()), std::string::npos);
    EXPECT_EQ(kernels.unavailable().back(), '.');
  }
}

class CudaMomenta : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = cuda_kernels().unavailable(); !why.empty()) GTEST_SKIP() << why;
  }

  static MomentumProblem on_gpu(const MomentumProblem& in, at::ScalarType param_type, at::ScalarType grad_type) {
    MomentumProblem moved;
    for (const at::Tensor& p : in.params) moved.params.push_back(p.to(at::kCUDA, param_type));
    for (const at::Tensor& g : in.grads) moved.grads.push_back(g.to(at::kCUDA, grad_type));
    moved.momenta = in.momenta.to(at::kCUDA);
    return moved;
  }

  /// The same numbers, rounded as on the GPU, in double on the CPU.
  static AccumulatedMomenta expected(const MomentumProblem& in, double clip) {
    MomentumProblem exact;
    for (const at::Tensor& p : in.params) exact.params.push_back(p.to(at::kCPU, at::kDouble));
    for (const at::Tensor& g : in.grads) exact.grads.push_back(g.to(at::kCPU, at::kDouble));
    return aten::accumulate_momenta(exact.params, exact.grads, in.momenta.to(at::kCPU, at::kDouble), kDecays, clip);
  }

  static AccumulatedMomenta run(const MomentumProblem& in, double clip) {
    const at::NoGradGuard no_grad;
    return cuda_kernels().accumulate_momenta(in.params, in.grads, in.momenta, kDecays, clip);
  }

  static void expect_close(const at::Tensor& x, const at::Tensor& y, double relative, double absolute) {
    EXPECT_TRUE(at::allclose(x.to(at::kCPU, at::kDouble), y, relative, absolute));
  }
};

TEST_F(CudaMomenta, EqualTheReferenceForEveryTypeAndClip) {
  // Below, at and above a chunk of 4096; a scalar; nothing.
  const MomentumProblem whole = momentum_problem(2, {{64, 65}, {4096}, {}, {0, 3}, {5, 7}, {100, 131}}, at::kFloat);
  for (const auto param_type : {at::kFloat, at::kBFloat16}) {
    for (const auto grad_type : {at::kFloat, at::kBFloat16}) {
      const MomentumProblem in = on_gpu(whole, param_type, grad_type);
      for (const double clip : {1.0, std::numeric_limits<double>::infinity()}) {
        const AccumulatedMomenta out = run(in, clip);
        const AccumulatedMomenta truth = expected(in, clip);
        expect_close(out.momenta, truth.momenta, 1e-6, 1e-6);                  // float32 on the GPU
        expect_close(out.sums_of_squares, truth.sums_of_squares, 1e-5, 1e-6);  // up to 1e5 terms
      }
    }
  }
}

TEST_F(CudaMomenta, EqualTheReferenceForMoreTensorsThanOneLaunchTakes) {
  std::vector<std::vector<int64_t>> shapes;
  for (int64_t i = 0; i < 150; ++i) shapes.push_back({i % 7, i});
  const MomentumProblem in = on_gpu(momentum_problem(3, shapes, at::kFloat), at::kFloat, at::kFloat);
  const AccumulatedMomenta out = run(in, 1);
  const AccumulatedMomenta truth = expected(in, 1);
  expect_close(out.momenta, truth.momenta, 1e-6, 1e-6);
  expect_close(out.sums_of_squares, truth.sums_of_squares, 1e-5, 1e-6);
}

TEST_F(CudaMomenta, AreBitIdenticalFromRunToRunAndDoNotDependOnNeighbours) {
  const MomentumProblem in = on_gpu(momentum_problem(1, {{300, 301}, {17}}, at::kFloat), at::kFloat, at::kFloat);
  const AccumulatedMomenta out = run(in, 1);
  for (int repeat = 0; repeat < 5; ++repeat) {
    const AccumulatedMomenta again = run(in, 1);
    EXPECT_TRUE(at::equal(out.momenta, again.momenta));
    EXPECT_TRUE(at::equal(out.sums_of_squares, again.sums_of_squares));
  }
  const MomentumProblem alone = {{in.params[1]}, {in.grads[1]}, in.momenta.narrow(2, 300 * 301, 17)};
  EXPECT_TRUE(at::equal(run(alone, 1).sums_of_squares.select(1, 0), out.sums_of_squares.select(1, 1)));
}

TEST_F(CudaMomenta, LetNotANumberThrough) {
  MomentumProblem in = on_gpu(momentum_problem(1, {{3}, {4}}, at::kFloat), at::kFloat, at::kFloat);
  in.params[0].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor sums = run(in, 1).sums_of_squares.cpu();
  EXPECT_TRUE(std::isnan(sums[0][0].item<float>()));
  EXPECT_TRUE(std::isfinite(sums[0][1].item<float>()));
}

}  // namespace
}  // namespace nfopt
