#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/aten/coefficient_map.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/kernels/aten/weight_space_linear.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "tests/nflayers/plan/naive_layer.h"
#include "tests/nflayers/plan/numbered_spaces.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::described_spaces;
using testing::DescribedSpace;
using testing::naive_layer;
using Tensors = std::vector<at::Tensor>;

const Rng rng(20261);
// Thousands of tiny products: a second thread costs more than it helps, above all on a busy machine.
const bool single_threaded = (at::set_num_threads(1), true);

at::Tensor random(const std::vector<int64_t>& sizes, const std::string& purpose, at::ScalarType dtype = at::kDouble) {
  at::Tensor t = at::empty(sizes, dtype);
  return fill_normal(t, rng.purpose(purpose), 0, 1);
}

Tensors random_features(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels,
                        const std::string& purpose, at::ScalarType dtype = at::kDouble) {
  Tensors result;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {members, batch, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    result.push_back(random(sizes, purpose + tensor.name, dtype));
  }
  return result;
}

Tensors random_parameters(const UnfLinearMap& map, int64_t members) {
  Tensors result;
  for (const StoredParameter& p : map.parameters()) {
    std::vector<int64_t> sizes = {members};
    sizes.insert(sizes.end(), p.shape.begin(), p.shape.end());
    result.push_back(random(sizes, p.name));
  }
  return result;
}

Tensors network(const Tensors& x, int64_t member, int64_t b) {
  Tensors result;
  for (const at::Tensor& t : x) result.push_back(t[member][b]);
  return result;
}

double dot(const Tensors& a, const Tensors& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] * b[i]).sum().item<double>();
  return sum;
}

double largest_difference(const Tensors& a, const Tensors& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].sizes(), b[i].sizes());
    if (a[i].numel() > 0) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  }
  return largest;
}

/// Every described space, every fold: the cases that most checks below run on.
void for_each_space(const std::function<void(const std::string&, const WeightSpace&, const Fold&)>& check) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    check(name + ", fold fixed", space, Fold::fixed());
    check(name + ", fold all", space, Fold::all());
    check(name + ", fold none", space, Fold::none());
  }
  check("published transformer", testing::published_transformer(4, 3, 2), Fold::fixed());
  check("recurrent", testing::numbered({{"r", {0, 0}, {3, 3}}, {"b", {0}, {3}}, {"s", {}, {}}}), Fold::fixed());
}

TEST(AtenExecutor, EqualsTheSumOfNaiveTerms) {
  for_each_space([](const std::string& name, const WeightSpace& space, const Fold& fold) {
    const UnfLinearMap map(space, fold, 2, 1);
    const auto parameters = random_parameters(map, 1);
    const auto x = random_features(space, 1, 1, 2, "x");
    Tensors single;
    for (const at::Tensor& p : parameters) single.push_back(p[0]);
    const auto expected = naive_layer(space, fold, single, network(x, 0, 0));
    double scale = 1;
    for (const at::Tensor& t : expected) scale = std::max(scale, t.abs().max().item<double>());
    EXPECT_LE(largest_difference(network(map(parameters, x), 0, 0), expected), 1e-12 * scale) << name;
  });
}

TEST(AtenExecutor, HasItsTransposeAsAdjoint) {
  for_each_space([](const std::string& name, const WeightSpace& space, const Fold& fold) {
    const UnfLinearMap map(space, fold, 2, 3);
    auto m = map.coefficients(random_parameters(map, 2));
    const CoefficientShape shape(*map.plan(), 2, 3);
    m.values.narrow(1, shape.weights(), shape.total() - shape.weights()).zero_();
    const auto x = random_features(space, 2, 1, 2, "x"), y = random_features(space, 2, 1, 3, "y");
    const double forwards = dot(aten::apply(*map.plan(), m, x), y),
                 backwards = dot(x, aten::adjoint(*map.plan(), m, y));
    EXPECT_NEAR(forwards, backwards, 1e-11 * (1 + std::abs(forwards))) << name;
  });
}

TEST(AtenExecutor, IsLinearInItsCoefficientsWithThatGradient) {
  // <apply_m(x), y> is linear in m, so its gradient g satisfies <g, m> = <apply_m(x), y> for every m.
  for_each_space([](const std::string& name, const WeightSpace& space, const Fold& fold) {
    const UnfLinearMap map(space, fold, 2, 2);
    for (const auto& [members, own] : {std::pair<int64_t, int64_t>{1, 1}, {3, 1}, {3, 3}}) {
      const auto x = random_features(space, members, 2, 2, "x"), y = random_features(space, members, 2, 2, "y");
      const auto m = map.coefficients(random_parameters(map, own));
      const auto other = map.coefficients(map.initial_parameters(rng));
      const auto g = aten::coefficient_grad(*map.plan(), m, x, y);
      ASSERT_EQ(g.sizes(), m.values.sizes()) << name;
      const double expected = dot(aten::apply(*map.plan(), m, x), y);
      EXPECT_NEAR((g * m.values).sum().item<double>(), expected, 1e-10 * (1 + std::abs(expected))) << name;
      const Coefficients shared{other.values.expand_as(m.values).contiguous(), 2, 2};
      const double again = dot(aten::apply(*map.plan(), shared, x), y);
      EXPECT_NEAR((g * shared.values).sum().item<double>(), again, 1e-10 * (1 + std::abs(again))) << name;
    }
  });
}

TEST(AtenExecutor, KeepsMembersAndNetworksApart) {
  for (const WeightSpace& space : {WeightSpace(described_spaces()[2].tensors), testing::dense_chain({3, 4, 2})}) {
    const UnfLinearMap map(space, Fold::fixed(), 2, 3);
    const auto x = random_features(space, 3, 2, 2, "x");
    for (int64_t own : {1, 3}) {
      const auto parameters = random_parameters(map, own);
      const auto y = map(parameters, x);
      for (int64_t p = 0; p < 3; ++p) {
        Tensors mine;
        for (const at::Tensor& t : parameters) mine.push_back(t[own == 1 ? 0 : p].unsqueeze(0));
        for (int64_t b = 0; b < 2; ++b) {
          Tensors alone;
          for (const at::Tensor& t : x) alone.push_back(t[p][b].unsqueeze(0).unsqueeze(0));
          EXPECT_LE(largest_difference(network(y, p, b), network(map(mine, alone), 0, 0)), 1e-12);
        }
      }
    }
  }
}

TEST(AtenExecutor, ReadsAnyStridesAndLeavesItsInputsAlone) {
  const WeightSpace space(described_spaces()[2].tensors);
  const UnfLinearMap map(space, Fold::fixed(), 2, 3);
  const auto parameters = random_parameters(map, 1);
  const auto x = random_features(space, 2, 2, 2, "x");
  Tensors strided, copies;
  for (const at::Tensor& t : x) {
    const auto order = [&](bool back) {
      std::vector<int64_t> axes(t.dim());
      for (int64_t i = 0; i < t.dim(); ++i) axes[i] = back ? t.dim() - 1 - i : t.dim() - 1 - i;
      return axes;
    };
    strided.push_back(t.permute(order(true)).contiguous().permute(order(false)));
    copies.push_back(t.clone());
  }
  EXPECT_LE(largest_difference(map(parameters, strided), map(parameters, x)), 1e-12);
  EXPECT_EQ(largest_difference(x, copies), 0);
  EXPECT_EQ(largest_difference(strided, copies), 0);
}

// The first call loads CUDA. LibTorch asks once whether it is there: before any test.
const std::string kWhyNoGpu = cuda_kernels().unavailable();

class Precision : public ::testing::TestWithParam<std::tuple<at::Device, at::ScalarType, double>> {};

TEST_P(Precision, IsThatOfTheNumbersItIsGiven) {
  const auto [device, dtype, tolerance] = GetParam();
  if (device.is_cuda() && !kWhyNoGpu.empty()) GTEST_SKIP() << kWhyNoGpu;
  const WeightSpace space = testing::published_transformer(6, 5, 4);
  const UnfLinearMap map(space, Fold::fixed(), 4, 2);
  const auto parameters = map.initial_parameters(rng);
  const auto x = random_features(space, 2, 1, 4, "x");
  Tensors rounded_parameters, rounded_x;
  for (const at::Tensor& t : parameters) rounded_parameters.push_back(t.to(device, dtype));
  for (const at::Tensor& t : x) rounded_x.push_back(t.to(device, dtype));
  const auto y = map(parameters, x);
  auto rounded = map(rounded_parameters, rounded_x);
  for (at::Tensor& t : rounded) {
    EXPECT_EQ(t.scalar_type(), dtype);
    t = t.to(at::kCPU, at::kDouble);
  }
  EXPECT_LE(largest_difference(y, rounded), tolerance);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Precision,
                         ::testing::Values(std::tuple{at::Device(at::kCPU), at::kFloat, 1e-5},
                                           std::tuple{at::Device(at::kCPU), at::kBFloat16, 5e-2}));
INSTANTIATE_TEST_SUITE_P(Cuda, Precision,
                         ::testing::Values(std::tuple{at::Device(at::kCUDA), at::kDouble, 1e-12},
                                           std::tuple{at::Device(at::kCUDA), at::kFloat, 1e-5},
                                           std::tuple{at::Device(at::kCUDA), at::kBFloat16, 5e-2}));

TEST(WeightSpaceLinear, HasTheDerivativesOfItsValues) {
  for (const char* which : {"attention", "repeated_labels", "cnn", "stack_of_fused_heads"}) {
    std::vector<TensorDescription> tensors;
    for (const auto& described : described_spaces())
      if (described.name == which) tensors = described.tensors;
    const WeightSpace space(tensors);
    const UnfLinearMap map(space, Fold::fixed(), 1, 2);
    auto values = map.coefficients(random_parameters(map, 1)).values.requires_grad_();
    auto x = random_features(space, 2, 1, 1, "x");
    for (at::Tensor& t : x) t.requires_grad_();
    const auto y = random_features(space, 2, 1, 2, "y");
    // A loss that is not linear, so that its second derivatives test the derivative of the backward pass.
    auto loss = [&] {
      const auto out = weight_space_linear(map.plan(), {values, 1, 2}, x);
      at::Tensor sum = at::zeros({}, at::kDouble);
      for (size_t i = 0; i < out.size(); ++i) sum = sum + (out[i].tanh() * y[i]).sum();
      return sum;
    };
    Tensors inputs = {values};
    inputs.insert(inputs.end(), x.begin(), x.end());
    const auto grads = torch::autograd::grad({loss()}, inputs, {}, true, true);
    Tensors directions;
    at::Tensor slope = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < inputs.size(); ++i) {
      directions.push_back(random(inputs[i].sizes().vec(), "direction" + std::to_string(i)));
      slope = slope + (grads[i] * directions[i]).sum();
    }
    const auto second = torch::autograd::grad({slope}, inputs);
    Tensors plain;
    for (const at::Tensor& g : torch::autograd::grad({loss()}, inputs)) plain.push_back(g);
    for (size_t i = 0; i < plain.size(); ++i)  // the same gradient without a graph
      EXPECT_LE((plain[i] - grads[i]).abs().max().item<double>(), 1e-12) << which;

    const double h = 1e-5;
    auto moved = [&](double by) {
      const at::NoGradGuard guard;
      for (size_t i = 0; i < inputs.size(); ++i) inputs[i].add_(directions[i], by);
    };
    auto gradient_along = [&] {
      double sum = 0;
      const auto g = torch::autograd::grad({loss()}, inputs);
      for (size_t i = 0; i < g.size(); ++i) sum += (g[i] * directions[i]).sum().item<double>();
      return sum;
    };
    double curvature = 0;
    for (size_t i = 0; i < second.size(); ++i) curvature += (second[i] * directions[i]).sum().item<double>();
    moved(h);
    const double up = loss().item<double>(), up_gradient = gradient_along();
    moved(-2 * h);
    const double down = loss().item<double>(), down_gradient = gradient_along();
    moved(h);
    const double first = slope.item<double>();
    EXPECT_NEAR((up - down) / (2 * h), first, 1e-7 * (1 + std::abs(first))) << which;
    EXPECT_NEAR((up_gradient - down_gradient) / (2 * h), curvature, 1e-6 * (1 + std::abs(curvature))) << which;
  }
}

TEST(WeightSpaceLinear, ListsEveryTensorThatDoesNotFit) {
  const WeightSpace space = testing::dense_chain({3, 4, 2});
  const UnfLinearMap map(space, Fold::fixed(), 2, 1);
  const auto parameters = random_parameters(map, 1);
  auto x = random_features(space, 1, 1, 2, "x");
  x[1] = x[1].transpose(3, 4);
  x[2] = x[2].to(at::kFloat);
  x[3] = at::Tensor();
  try {
    map(parameters, x);
    FAIL() << "expected an error";
  } catch (const Error& e) {
    const std::string text = e.what();
    for (const char* part : {"'w0'", "[1, 1, 2, 4, 3]", "'b1'", "float", "'w1'", "undefined"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    EXPECT_EQ(text.find("'b0'"), std::string::npos) << text;
  }
  EXPECT_THROW(map(parameters, {}), Error);
  EXPECT_THROW(map(Tensors(parameters.begin() + 1, parameters.end()), x), Error);
  EXPECT_THROW(UnfLinearMap(space, Fold::fixed(), 0, 1), Error);
}

TEST(CoefficientMap, SumsScalesAndTransposes) {
  IndexMap map;
  map.sources = 3;
  map.targets = 4;
  map.source = {0, 1, 1, 2};
  map.target = {1, 1, 0, 3};
  map.scale = {2.0, 0.5, -1.0, 3.0};
  const at::Tensor dense = at::zeros({4, 3}, at::kDouble);
  for (size_t e = 0; e < map.source.size(); ++e) dense[map.target[e]][map.source[e]] += map.scale[e];
  const CoefficientMap apply(map);
  const at::Tensor x = random({2, 3}, "x").requires_grad_(), y = random({2, 4}, "y");
  EXPECT_LE((apply(x) - x.mm(dense.t())).abs().max().item<double>(), 1e-15);
  const auto g = torch::autograd::grad({apply(x)}, {x}, {y.clone().requires_grad_()}, true, true)[0];
  EXPECT_LE((g - y.mm(dense)).abs().max().item<double>(), 1e-15);
  EXPECT_TRUE(g.requires_grad());
}

}  // namespace
}  // namespace nfopt
