#include "conformance.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/network/trainable.h>
#include <torch/torch.h>

#include <limits>

namespace nfopt::testing {
namespace {

constexpr int64_t kBatch = 5;
constexpr double kSymmetryTolerance = 1e-10;  // float64, cpu
constexpr double kMemberTolerance = 1e-12;    // float64, cpu
constexpr double kGradientTolerance = 1e-6;   // central differences with step 1e-5, float64

Rng seed() { return Rng(20261122); }

at::Tensor normal(std::vector<int64_t> shape, const Rng& rng) {
  at::Tensor t = at::empty(shape, at::kDouble);
  return fill_normal(t, rng, 0.0, 1.0);
}

at::Tensor input(int64_t members, const std::vector<int64_t>& example, const Rng& rng) {
  std::vector<int64_t> shape = {members, kBatch};
  shape.insert(shape.end(), example.begin(), example.end());
  return normal(shape, rng.purpose("x"));
}

Members member(const Members& all, int64_t p) {
  std::vector<at::Tensor> tensors;
  for (const auto& tensor : all.tensors()) tensors.push_back(tensor.narrow(0, p, 1).clone());
  return Members(all.space(), std::move(tensors));
}

double largest(const at::Tensor& t) { return t.numel() == 0 ? 0.0 : t.abs().max().item<double>(); }

}  // namespace

Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng) {
  at::NoGradGuard no_grad;
  Members members = Members::zeros(space, size, at::kDouble);
  network.initialize(members, rng.purpose("initialize"));
  for (size_t i = 0; i < space->tensors().size(); ++i) {
    const auto& tensor = space->tensors()[i];
    const at::Tensor noise = normal(members.tensors()[i].sizes().vec(), rng.purpose("noise").purpose(tensor.name));
    // Running variances and the like must stay positive.
    members.tensors()[i].add_(tensor.kind == Kind::buffer ? noise.abs() : noise, 0.1);
  }
  return members;
}

double symmetry_error(const WeightSpacePtr& space, const Network& network, const std::vector<int64_t>& example,
                      const Rng& rng) {
  at::NoGradGuard no_grad;
  Members members = random_members(space, network, 2, rng);
  const at::Tensor x = input(1, example, rng);
  const at::Tensor y = network.forward(members, x, Pass{});
  Members moved(space, apply(random_symmetry(*space, rng.purpose("g")), *space, members.tensors()));
  return largest(network.forward(moved, x, Pass{}) - y) / largest(y);
}

void expect_every_parameter_is_used(const Subject& subject) {
  const Instance instance = instantiate(subject.architecture, subject.options);
  const auto network = make_network(instance);
  Members empty = Members::zeros(instance.space, 2, at::kDouble);
  for (auto& tensor : empty.tensors()) tensor.fill_(std::numeric_limits<double>::quiet_NaN());
  network->initialize(empty, seed());
  for (size_t i = 0; i < empty.tensors().size(); ++i) {
    EXPECT_TRUE(empty.tensors()[i].isfinite().all().item<bool>())
        << "initialize() leaves '" << instance.space->tensors()[i].name << "' alone";
  }

  Members members = random_members(instance.space, *network, 2, seed());
  for (auto& tensor : members.tensors()) tensor.requires_grad_();
  const at::Tensor y = network->forward(members, input(2, subject.example, seed()), Pass{});
  (y * normal(y.sizes().vec(), seed().purpose("w"))).sum().backward();
  for (size_t i = 0; i < members.tensors().size(); ++i) {
    const auto& described = instance.space->tensors()[i];
    if (described.kind == Kind::buffer) continue;
    const at::Tensor gradient = members.tensors()[i].grad();
    EXPECT_TRUE(gradient.defined() && largest(gradient) > 0)
        << "the output does not depend on '" << described.name << "'";
  }
}

void expect_permutations_leave_the_function_alone(const Subject& subject) {
  const Instance instance = instantiate(subject.architecture, subject.options);
  const auto network = make_network(instance);
  for (uint64_t draw = 0; draw < 3; ++draw) {
    EXPECT_LT(symmetry_error(instance.space, *network, subject.example, seed().index(draw)), kSymmetryTolerance)
        << "draw " << draw;
  }
}

void expect_members_do_not_see_each_other(const Subject& subject) {
  at::NoGradGuard no_grad;
  const Instance instance = instantiate(subject.architecture, subject.options);
  const auto network = make_network(instance);
  Members three = random_members(instance.space, *network, 3, seed());
  const at::Tensor own = input(3, subject.example, seed());
  const at::Tensor shared = input(1, subject.example, seed().purpose("shared"));
  const at::Tensor y_own = network->forward(three, own, Pass{});
  const at::Tensor y_shared = network->forward(three, shared, Pass{});
  for (int64_t p = 0; p < 3; ++p) {
    Members one = member(three, p);
    EXPECT_LT(largest(network->forward(one, own.narrow(0, p, 1), Pass{}) - y_own.narrow(0, p, 1)), kMemberTolerance);
    EXPECT_LT(largest(network->forward(one, shared, Pass{}) - y_shared.narrow(0, p, 1)), kMemberTolerance);
  }

  Members first = Members::zeros(instance.space, 1, at::kDouble);
  Members both = Members::zeros(instance.space, 2, at::kDouble);
  network->initialize(first, seed());
  network->initialize(both, seed());
  for (size_t i = 0; i < first.tensors().size(); ++i) {
    EXPECT_TRUE(at::equal(first.tensors()[i], both.tensors()[i].narrow(0, 0, 1)))
        << "the first member's '" << instance.space->tensors()[i].name << "' depends on the size of the population";
  }
}

void expect_gradients_match_finite_differences(const Subject& subject) {
  const Instance instance = instantiate(subject.architecture, subject.options);
  const auto network = make_network(instance);
  Members members = random_members(instance.space, *network, 2, seed());
  const at::Tensor x = input(1, subject.example, seed());
  at::Tensor weights;
  const auto loss = [&](Members& at) {
    const at::Tensor y = network->forward(at, x, Pass{});
    if (!weights.defined()) weights = normal(y.sizes().vec(), seed().purpose("w"));
    return (y * weights).sum();
  };

  for (auto& tensor : members.tensors()) tensor.requires_grad_();
  loss(members).backward();
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < members.tensors().size(); ++i) {
    const auto& described = instance.space->tensors()[i];
    if (described.kind == Kind::buffer) continue;
    const at::Tensor direction = normal(members.tensors()[i].sizes().vec(), seed().purpose(described.name));
    const double analytic = (members.tensors()[i].grad() * direction).sum().item<double>();
    const double step = 1e-5;
    const auto moved = [&](double by) {
      Members there(instance.space, members.tensors());
      there.tensors()[i] = members.tensors()[i].detach() + direction * by;
      return loss(there).item<double>();
    };
    const double numeric = (moved(step) - moved(-step)) / (2 * step);
    EXPECT_NEAR(analytic, numeric, kGradientTolerance * std::max(1.0, std::abs(analytic))) << described.name;
  }
}

void expect_description_survives_round_trips(const Subject& subject) {
  const Instance instance = instantiate(subject.architecture, subject.options);
  const std::string text = to_text(*instance.space);
  EXPECT_EQ(to_text(weight_space_from_text(text)), text);

  NamedShapes shapes;
  for (const auto& tensor : instance.space->tensors()) shapes.emplace_back(tensor.name, tensor.shape);
  const auto recognized = subject.architecture->recognize(shapes);
  ASSERT_TRUE(recognized.has_value()) << "recognize() does not know its own network:\n" << text;
  EXPECT_EQ(to_text(*instantiate(subject.architecture, *recognized).space), text);

  shapes.back().second.push_back(2);  // another network must not be taken for ours
  EXPECT_FALSE(subject.architecture->recognize(shapes).has_value());
  EXPECT_FALSE(subject.architecture->recognize({}).has_value());
}

void expect_conformance(const Subject& subject) {
  std::string trace = subject.architecture->info().name;
  for (const auto& [name, value] : subject.options) trace += " " + name + "=" + to_string(value);
  SCOPED_TRACE(trace);
  expect_every_parameter_is_used(subject);
  expect_permutations_leave_the_function_alone(subject);
  expect_members_do_not_see_each_other(subject);
  expect_gradients_match_finite_differences(subject);
  expect_description_survives_round_trips(subject);
}

}  // namespace nfopt::testing
