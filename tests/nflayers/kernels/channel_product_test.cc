// Large features on the CPU are summed, multiplied and broadcast by kernels of their own, which graphs of derivatives are
// not made of: both ways have to give the same. Their memory is used again when they are gone.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/kernels/cpu/simd_target.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <string>
#include <tuple>
#include <vector>

#include "tests/nflayers/plan/numbered_spaces.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

Tensors features(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels, at::ScalarType type) {
  Tensors x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {members, batch, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, at::kDouble));
    fill_normal(x.back(), Rng(1).purpose(tensor.name), 0, 1);
    x.back() = x.back().to(type);
  }
  return x;
}

// The last axis moved to where it is furthest from itself.
Tensors transposed(const Tensors& x) {
  Tensors result;
  for (const at::Tensor& t : x) result.push_back(t.dim() < 5 ? t : t.transpose(3, 4).contiguous().transpose(3, 4));
  return result;
}

Tensors with_gradients(const Tensors& x) {
  Tensors result;
  for (const at::Tensor& t : x) result.push_back(t.clone().requires_grad_());
  return result;
}

void expect_close(const Tensors& a, const Tensors& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), tolerance * (1 + b[i].abs().max().item<double>())) << i;
}

using Case = std::tuple<at::ScalarType, int64_t, int64_t, int64_t>;  // type, members, in, out
class OnePassOver : public ::testing::TestWithParam<Case> {};

void expect_agreement(const Case& given, const std::vector<int>& threads) {
  const auto [type, members, in, out] = given;
  const double tolerance = type == at::kDouble ? 1e-12 : 2e-5;
  const int threads_before = at::get_num_threads();
  // Columns: fewer than a vector, whole vectors, and some left over after one, two and three.
  for (const std::vector<int64_t>& widths :
       std::vector<std::vector<int64_t>>{{5, 3, 4}, {17, 16, 33}, {100, 48, 65}, {79, 64, 31, 20}}) {
    const WeightSpace space = testing::dense_chain(widths);
    const UnfLinearMap map(space, Fold::fixed(), in, out);
    Tensors parameters;
    for (const at::Tensor& p : map.initial_parameters(Rng(3))) {
      std::vector<int64_t> sizes = p.sizes().vec();
      sizes[0] = members;
      parameters.push_back(at::empty(sizes, at::kDouble));
      fill_normal(parameters.back(), Rng(4).purpose(std::to_string(parameters.size())), 0, 0.1);
      parameters.back() = parameters.back().to(type);
    }
    const Tensors x = features(space, members, 2, in, type), y = features(space, members, 2, out, type);
    const Coefficients m = map.coefficients(parameters);
    at::Tensor in_graph = m.values.detach().clone().requires_grad_();
    const Coefficients graph{in_graph, in, out};
    const Tensors forward = aten::apply(*map.plan(), graph, with_gradients(x)),
                  backward = aten::adjoint(*map.plan(), graph, with_gradients(y));
    for (const int count : threads) {
      at::set_num_threads(count);
      expect_close(map(m, x), forward, tolerance);
      expect_close(map(m, transposed(x)), forward, tolerance);
      const at::NoGradGuard guard;
      expect_close(aten::adjoint(*map.plan(), m, y), backward, tolerance);
      expect_close(aten::adjoint(*map.plan(), m, transposed(y)), backward, tolerance);
    }
    at::set_num_threads(threads_before);
  }
}

TEST_P(OnePassOver, AgreesWithTheOperatorsThatGraphsAreMadeOf) { expect_agreement(GetParam(), {1, 3}); }

TEST(OnePass, AgreesOnEveryInstructionSet) {
  for (const std::string& target : cpu::simd_targets()) {
    cpu::use_simd_target(target);
    SCOPED_TRACE(target);
    expect_agreement({at::kFloat, 2, 9, 12}, {1});
    expect_agreement({at::kDouble, 1, 3, 8}, {1});
  }
  cpu::use_simd_target("");
}

INSTANTIATE_TEST_SUITE_P(Channels, OnePassOver,
                         ::testing::Values(Case{at::kFloat, 1, 32, 32}, Case{at::kDouble, 1, 32, 32},
                                           Case{at::kFloat, 3, 5, 9}, Case{at::kDouble, 2, 1, 1},
                                           Case{at::kFloat, 1, 1, 32}, Case{at::kDouble, 1, 33, 7},
                                           Case{at::kFloat, 2, 70, 40}));

TEST(RecycledMemory, IsUsedAgainOnlyWhenNobodyHoldsIt) {
  const WeightSpace space = testing::dense_chain({300, 200, 10});
  const UnfLinearMap map(space, Fold::fixed(), 4, 4);
  Tensors parameters;
  for (const at::Tensor& p : map.initial_parameters(Rng(3))) parameters.push_back(p.to(at::kFloat));
  const Tensors x = features(space, 1, 1, 4, at::kFloat);
  const at::NoGradGuard guard;
  Tensors first = map(parameters, x);
  const Tensors second = map(parameters, x);
  size_t large = 0;
  for (size_t i = 1; i < first.size(); ++i)
    if (first[i].numel() > first[large].numel()) large = i;
  const void* memory = first[large].const_data_ptr();
  EXPECT_NE(memory, second[large].const_data_ptr());
  const Tensors copies = {second[large].clone()};
  first.clear();
  Tensors other = map(parameters, x);
  EXPECT_EQ(other[large].const_data_ptr(), memory);
  other[large].zero_();
  expect_close({second[large]}, copies, 0);
  other[large].resize_({1000, 1000});  // grows like any other tensor
  EXPECT_EQ(other[large].fill_(2).sum().item<float>(), 2e6f);
}

}  // namespace
}  // namespace nfopt
