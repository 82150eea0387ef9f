#pragma once

#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/types.h>

#include <string>
#include <vector>

namespace nfopt {

/// A two-layer network 5-4-3 as a weight space: four tensors, three labels.
inline WeightSpacePtr small_space() {
  using D = TensorDescription;
  std::vector<D> tensors(4);
  const char* names[] = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};
  const char* axes[] = {"[h, ~in]", "[h]", "[~cls, h]", "[~cls]"};
  const std::vector<int64_t> shapes[] = {{4, 5}, {4}, {3, 4}, {3}};
  for (size_t i = 0; i < 4; ++i) {
    tensors[i].name = names[i];
    tensors[i].shape = shapes[i];
    tensors[i].axes = axes[i];
    if (shapes[i].size() == 1) tensors[i].role = Role::bias;
  }
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

/// The presets that LearnedRule assembles from parts: all but `context`.
inline std::vector<std::string> assembled_preset_names() {
  std::vector<std::string> names;
  for (const std::string& name : rule_preset_names())
    if (!rule_preset(name).context) names.push_back(name);
  return names;
}

/// Random tensors [members, shape...], one per parameter.
inline std::vector<at::Tensor> random_list(const LearnedRule& rule, const Rng& rng, int64_t members = 1,
                                           at::ScalarType type = at::kDouble) {
  std::vector<at::Tensor> list;
  for (const auto& slice : rule.slices()) {
    std::vector<int64_t> shape = {members};
    shape.insert(shape.end(), slice.shape.begin(), slice.shape.end());
    at::Tensor t = at::empty(shape, at::TensorOptions().dtype(type));
    list.push_back(fill_normal(t, rng.purpose(slice.name), 0, 0.5));
  }
  return list;
}

/// theta moved away from its published start, where equivariant biases and momentum terms are special.
inline NamedTensors random_theta(const UpdateRule& rule, const Rng& rng, int64_t members = 1) {
  NamedTensors theta;
  for (const auto& [name, tensor] : rule.initial_theta(rng.purpose("start"))) {
    std::vector<int64_t> shape = tensor.sizes().vec();
    shape[0] = members;
    at::Tensor noise = at::empty(shape, at::kDouble);
    theta.add(name, tensor + fill_normal(noise, rng.purpose(name), 0, 0.1));
  }
  return theta;
}

/// `action` throws an Error whose text contains every part.
template <class Action>
void expect_error(Action action, std::initializer_list<std::string> parts) {
  try {
    action();
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& e) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << "'" << part << "' in:\n" << e.what();
  }
}

}  // namespace nfopt
