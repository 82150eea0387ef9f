#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/spec/error.h>

#include <sstream>

namespace nfopt {

StateDict state_dict(const torch::nn::Module& module) {
  StateDict result;
  for (const auto& parameter : module.named_parameters()) result.insert(parameter.key(), parameter.value().detach());
  return result;
}

WeightSpaceFeatures state_dict_to_tensors(const StateDict& network) {
  std::vector<at::Tensor> weights, biases;
  for (size_t i = 0; i < network.size(); ++i) {
    const std::string& key = network[i].key();
    const bool bias = key.size() >= 4 && key.compare(key.size() - 4, 4, "bias") == 0;
    if (bias != (i % 2 == 1) || (!bias && network[i].value().dim() < 2))
      throw Error("layer", "a state dict is read as weight, bias, weight, ..: entry " + std::to_string(i) + ", '" +
                               key + "', is no " + (i % 2 == 1 ? "bias" : "weight of two or more axes") + ".");
    (bias ? biases : weights).push_back(network[i].value().unsqueeze(0));
  }
  return {std::move(weights), std::move(biases)};
}

std::vector<StateDict> params_to_state_dicts(const std::vector<std::string>& keys,
                                             const WeightSpaceFeatures& features) {
  if (keys.size() != 2 * features.size())
    throw Error("layer", "expected " + std::to_string(2 * features.size()) + " keys, received " +
                             std::to_string(keys.size()) + ".");
  std::vector<StateDict> result;
  for (size_t i = 0; i < keys.size(); ++i) {
    const at::Tensor& t = i % 2 == 0 ? features.weights()[i / 2] : features.biases()[i / 2];
    if (t.dim() < 2 || t.size(1) != 1) {
      std::ostringstream shape;
      shape << t.sizes();
      throw Error("layer", "a state dict has no channels: expected [B, 1, ...] for '" + keys[i] + "', received " +
                               shape.str() + ".");
    }
    if (result.empty()) result.resize(static_cast<size_t>(t.size(0)));
    for (size_t b = 0; b < result.size(); ++b) result[b].insert(keys[i], t[static_cast<int64_t>(b)][0]);
  }
  return result;
}

std::vector<at::Tensor> params_to_func_params(const WeightSpaceFeatures& features) {
  std::vector<at::Tensor> result;
  for (const auto& [weight, bias] : features.zipped()) {
    result.push_back(weight.size(1) == 1 ? weight.squeeze(1) : weight);
    result.push_back(bias.size(1) == 1 ? bias.squeeze(1) : bias);
  }
  return result;
}

void load_state_dict(torch::nn::Module& module, const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, at::Tensor> mine;
  for (const auto& parameter : module.named_parameters()) mine.emplace(parameter.key(), parameter.value());
  for (const auto& buffer : module.named_buffers()) mine.emplace(buffer.key(), buffer.value());
  std::ostringstream problems;
  for (const auto& [name, tensor] : mine) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      problems << "\n       '" << name << "' is missing";
    else if (found->second.sizes() != tensor.sizes())
      problems << "\n       '" << name << "': expected " << tensor.sizes() << ", received " << found->second.sizes();
  }
  for (const auto& [name, tensor] : tensors)
    if (mine.count(name) == 0) problems << "\n       '" << name << "' has no place in the module";
  if (problems.tellp() > 0) throw Error("layer", "the state dict does not fit:" + problems.str());
  const torch::NoGradGuard guard;
  for (auto& [name, tensor] : mine) tensor.copy_(tensors.at(name));
}

void load_state_dict(torch::nn::Module& module, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : tensors)
    if (!by_name.emplace(name, tensor).second)
      throw Error("layer", "the state dict has more than one tensor '" + name + "'.");
  load_state_dict(module, by_name);
}

}  // namespace nfopt
