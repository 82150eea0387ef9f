// What of a learned optimizer outlives a step: following moved parameters, state by name, archives of LibTorch.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/learned_optimizer_impl.h>
#include <torch/torch.h>

#include <algorithm>

namespace nfopt {
namespace {

constexpr const char* kArchiveFormat = "nfopt-learned-optimizer-1";

}  // namespace

void LearnedOptimizer::rebind(const NamedParameters& parameters) {
  ParameterBinding fresh = bind_parameters(*impl_->rule->space(), parameters);
  std::string problems;
  const auto match = [&](std::vector<BoundParameter>& now, const std::vector<BoundParameter>& before) {
    for (const BoundParameter& old : before) {
      const auto found = std::find_if(now.begin(), now.end(), [&](const auto& p) { return p.name == old.name; });
      if (found == now.end())
        problems += "\n  '" + old.name + "' is missing";
      else if (!found->tensor.is_same(old.tensor))
        problems += "\n  '" + old.name + "' is another tensor than the one in the parameter groups";
      else if (found->shape != old.shape)
        problems += "\n  '" + old.name + "' was " + describe_tensor(old.type, old.shape, old.device) + " and is " +
                    describe_tensor(found->type, found->shape, found->device);
      else
        found->group = old.group;
    }
    if (now.size() > before.size()) problems += "\n  there are more parameters than at construction";
  };
  match(fresh.covered, impl_->binding.covered);
  match(fresh.uncovered, impl_->binding.uncovered);
  if (!problems.empty())
    throw Error("optimizer", "the state cannot follow the parameters:" + problems + "\nBuild a new optimizer.");
  impl_->binding = std::move(fresh);
  impl_->set_theta();
  impl_->state = converted(impl_->state, impl_->compute_options());
  for (size_t i = 0; i < impl_->fallback.size(); ++i) {
    FallbackState& state = impl_->fallback[i];
    state.mean = state.mean.to(impl_->binding.uncovered[i].tensor.options().requires_grad(false));
    state.square = state.square.to(impl_->binding.uncovered[i].tensor.options().requires_grad(false));
  }
}

void LearnedOptimizer::rebind(const torch::nn::Module& module) { rebind(named_parameters(module)); }

NamedTensors LearnedOptimizer::state() const {
  NamedTensors out;
  const auto number = [](auto value) {
    return at::scalar_tensor(value, at::TensorOptions().dtype(at::CppTypeToScalarType<decltype(value)>::value));
  };
  out.add("steps", number(impl_->steps));
  out.add("skipped_steps", number(impl_->skipped));
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    out.add("group." + std::to_string(i) + ".lr", number(group_options(i).lr()));
    out.add("group." + std::to_string(i) + ".weight_decay", number(group_options(i).weight_decay()));
  }
  for (const auto& [name, tensor] : impl_->theta) out.add("theta." + name, tensor.detach().clone());
  for (const auto& [name, tensor] : impl_->state) out.add("state." + name, tensor.detach().clone());
  for (size_t i = 0; i < impl_->fallback.size(); ++i) {
    const std::string prefix = "fallback." + impl_->binding.uncovered[i].name + ".";
    out.add(prefix + "steps", number(impl_->fallback[i].steps));
    out.add(prefix + "mean", impl_->fallback[i].mean.clone());
    out.add(prefix + "square", impl_->fallback[i].square.clone());
  }
  return out;
}

void LearnedOptimizer::load_state(const NamedTensors& given) {
  const NamedTensors expected = state();
  std::string problems;
  for (const auto& [name, tensor] : expected) {
    const at::Tensor* found = given.find(name);
    if (found == nullptr)
      problems += "\n  '" + name + "' is missing";
    else if (found->sizes() != tensor.sizes() || found->scalar_type() != tensor.scalar_type())
      problems += "\n  '" + name + "': expected " + describe_tensor(tensor.scalar_type(), tensor.sizes(), at::kCPU) +
                  ", received " + describe_tensor(found->scalar_type(), found->sizes(), at::kCPU);
  }
  for (const auto& [name, tensor] : given)
    if (expected.find(name) == nullptr) problems += "\n  '" + name + "' belongs to no part of this optimizer";
  if (!problems.empty())
    throw Error("optimizer", "the stored state is of another optimizer:" + problems +
                                 "\nBuild the optimizer with the rule, parameters and groups it was stored with.");

  impl_->steps = given.at("steps").item<int64_t>();
  impl_->skipped = given.at("skipped_steps").item<int64_t>();
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    group_options(i).lr(given.at("group." + std::to_string(i) + ".lr").item<double>());
    group_options(i).weight_decay(given.at("group." + std::to_string(i) + ".weight_decay").item<double>());
  }
  const auto copy = [&](NamedTensors& own, const std::string& prefix) {
    for (auto& [name, tensor] : own) tensor = given.at(prefix + name).detach().to(tensor.device()).clone();
  };
  copy(impl_->theta, "theta.");
  copy(impl_->state, "state.");
  impl_->set_theta();
  for (size_t i = 0; i < impl_->fallback.size(); ++i) {
    const std::string prefix = "fallback." + impl_->binding.uncovered[i].name + ".";
    FallbackState& state = impl_->fallback[i];
    state.steps = given.at(prefix + "steps").item<int64_t>();
    state.mean = given.at(prefix + "mean").to(state.mean.device()).clone();
    state.square = given.at(prefix + "square").to(state.square.device()).clone();
  }
}

void LearnedOptimizer::save(torch::serialize::OutputArchive& archive) const {
  // Archive keys may not hold dots and slashes, parameter names do: names go into a list, tensors are numbered.
  c10::List<std::string> names;
  size_t i = 0;
  for (const auto& [name, tensor] : state()) {
    names.push_back(name);
    archive.write("tensor" + std::to_string(i++), tensor, /*is_buffer=*/true);
  }
  archive.write("format", c10::IValue(kArchiveFormat));
  archive.write("rule", c10::IValue(impl_->rule->describe()));
  archive.write("names", c10::IValue(names));
}

void LearnedOptimizer::load(torch::serialize::InputArchive& archive) {
  c10::IValue format, rule, names;
  if (!archive.try_read("format", format) || !format.isString() || format.toStringRef() != kArchiveFormat ||
      !archive.try_read("rule", rule) || !archive.try_read("names", names))
    throw Error("optimizer", "the archive holds no learned optimizer.");
  if (rule.toStringRef() != impl_->rule->describe())
    throw Error("optimizer", "the archive holds another rule: expected " + impl_->rule->describe() + ", received " +
                                 rule.toStringRef() + ". Build the optimizer with that rule.");
  NamedTensors stored;
  size_t i = 0;
  for (const auto& name : names.toListRef()) {
    at::Tensor tensor;
    archive.read("tensor" + std::to_string(i++), tensor, /*is_buffer=*/true);
    stored.add(name.toStringRef(), tensor);
  }
  load_state(stored);
}

}  // namespace nfopt
