#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace nfopt {
namespace {

int64_t numel_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

ThetaLayout::ThetaLayout(const UpdateRule& rule) : rule_(rule.name()), shapes_(rule.theta_shapes()) {
  for (const auto& [name, shape] : shapes_) size_ += numel_of(shape);
}

at::Tensor ThetaLayout::flatten(const NamedTensors& theta) const {
  std::string problems;
  std::vector<at::Tensor> parts;
  for (const auto& [name, shape] : shapes_) {
    const at::Tensor* given = theta.find(name);
    if (given == nullptr) {
      problems += "\n  '" + name + "' is missing.";
    } else if (given->numel() != numel_of(shape)) {
      problems += "\n  '" + name + "': expected " + std::to_string(numel_of(shape)) + " entries, received " +
                  std::to_string(given->numel()) + ".";
    } else {
      parts.push_back(given->to(at::kCPU, at::kDouble).reshape({-1}));
    }
  }
  if (theta.size() > shapes_.size() || !problems.empty()) {
    for (const auto& [name, tensor] : theta) {
      const auto known = [&](const auto& shape) { return shape.first == name; };
      if (std::none_of(shapes_.begin(), shapes_.end(), known)) problems += "\n  '" + name + "' is unexpected.";
    }
    throw Error("meta", "These meta-parameters do not fit the rule '" + rule_ + "':" + problems);
  }
  return parts.empty() ? at::empty({0}, at::kDouble) : at::cat(parts);
}

NamedTensors ThetaLayout::unflatten(const at::Tensor& flat, at::ScalarType dtype) const {
  const at::Tensor rows = flat.dim() == 1 ? flat.unsqueeze(0) : flat;
  if (rows.dim() != 2 || rows.size(1) != size_)
    throw Error("meta", "flat meta-parameters of '" + rule_ + "' have " + std::to_string(size_) +
                            " entries, received " + std::to_string(flat.size(-1)) + ".");
  const bool recorded = at::GradMode::is_enabled() && flat.requires_grad();
  NamedTensors theta;
  int64_t offset = 0;
  for (const auto& [name, shape] : shapes_) {
    std::vector<int64_t> full = {rows.size(0)};
    full.insert(full.end(), shape.begin(), shape.end());
    const at::Tensor part = rows.narrow(1, offset, numel_of(shape)).reshape(full).to(dtype);
    theta.add(name, recorded ? part : part.contiguous());
    offset += numel_of(shape);
  }
  return theta;
}

void ThetaLayout::check(const UpdateRule& rule) const {
  if (rule.theta_shapes() == shapes_) return;
  throw Error("meta", "the rule '" + rule.name() + "' has other meta-parameters on another task of the run: " +
                          std::to_string(ThetaLayout(rule).size()) + " instead of " + std::to_string(size_) +
                          ". One theta must serve all tasks: use a family whose tasks share one architecture, or a "
                          "rule that is tied across architectures, such as 'context'.");
}

at::Tensor perturbations(const Rng& seed, int64_t outer_step, int64_t first, int64_t count, int64_t size,
                         double sigma) {
  const Rng step = seed.purpose("perturbation").index(static_cast<uint64_t>(outer_step));
  at::Tensor eps = at::empty({count, size}, at::kDouble);
  double* out = eps.data_ptr<double>();
  for (int64_t i = 0; i < count; ++i) {
    const Rng particle = step.index(static_cast<uint64_t>(first + i));
    for (int64_t j = 0; j < size; ++j) *out++ = sigma * particle.normal(static_cast<uint64_t>(j));
  }
  return eps;
}

}  // namespace nfopt
