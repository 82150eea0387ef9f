#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/binding/live_tensors.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

bool theta_fits(const at::Tensor& t, const std::vector<int64_t>& shape) {
  return t.defined() && t.dim() == static_cast<int64_t>(shape.size()) + 1 &&
         t.sizes().slice(1) == at::IntArrayRef(shape);
}

}  // namespace

std::vector<at::Tensor> theta_values(const UpdateRule& rule, const std::vector<ThetaShape>& shapes,
                                     const NamedTensors& theta, const at::Tensor& like) {
  std::vector<at::Tensor> values;
  values.reserve(shapes.size());
  auto given = theta.begin();
  for (const auto& [name, shape] : shapes) {
    if (given == theta.end() || given->first != name || !theta_fits(given->second, shape)) check_theta(rule, theta);
    const at::Tensor& value = (given++)->second;
    const bool as_is = value.scalar_type() == like.scalar_type() && value.device() == like.device();
    values.push_back(as_is ? value : value.to(like.device(), like.scalar_type()));
  }
  if (given != theta.end()) check_theta(rule, theta);
  for (const at::Tensor& value : values) check_members(value.size(0), like);
  return values;
}

void check_members(int64_t theta_members, const at::Tensor& like) {
  if (theta_members != 1 && theta_members != like.size(0))
    throw Error("optimizer", "theta has " + std::to_string(theta_members) + " members, the parameters have " +
                                 std::to_string(like.size(0)) + ". Give one theta for all, or one per member.");
}

void check_theta(const UpdateRule& rule, const NamedTensors& theta) {
  const auto expected = rule.theta_shapes();
  std::string problems;
  for (const auto& [name, shape] : expected) {
    const at::Tensor* given = theta.find(name);
    if (given == nullptr)
      problems += "\n  '" + name + "' is missing: expected " + shape_text(shape);
    else if (!theta_fits(*given, shape))
      problems += "\n  '" + name + "': expected " + shape_text(shape) + ", received " +
                  (given->dim() > 0 ? shape_text(given->sizes().slice(1)) : "a tensor without the leading P axis");
  }
  for (const auto& [name, tensor] : theta)
    if (std::none_of(expected.begin(), expected.end(), [&, &key = name](const auto& e) { return e.first == key; }))
      problems += "\n  '" + name + "' is unknown to the rule, shape " + shape_text(tensor.sizes());
  if (problems.empty()) {
    size_t i = 0;
    for (const auto& [name, tensor] : theta)
      if (expected[i++].first != name) {
        problems = "\n  '" + name + "' comes where '" + expected[i - 1].first + "' is expected";
        break;
      }
  }
  if (!problems.empty())
    throw Error("theta", "the meta-parameters do not fit rule '" + rule.name() + "' on this weight space:" + problems);
}

}  // namespace nfopt
