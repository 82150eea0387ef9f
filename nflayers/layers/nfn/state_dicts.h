#pragma once

#include <nfopt/nflayers/layers/nfn/weight_space_features.h>
#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// Named tensors in the order of the network: weight 0, bias 0, weight 1, ...
using StateDict = torch::OrderedDict<std::string, at::Tensor>;

/// The parameters of a module in order, without gradients.
NFOPT_API StateDict state_dict(const torch::nn::Module& module);

/// One network as features without a batch: weights [1, n_{i+1}, n_i, kernel...] and biases [1, n_{i+1}]. Entries are read
/// in pairs. Throws Error("layer", ..) if the second of a pair is no bias or the first no weight (normalisation layers,
/// layers without a bias).
NFOPT_API WeightSpaceFeatures state_dict_to_tensors(const StateDict& network);

/// The inverse, one state dict per batch entry: keys[2i] -> W_i[b, 0], keys[2i + 1] -> b_i[b, 0]. Needs one channel.
NFOPT_API std::vector<StateDict> params_to_state_dicts(const std::vector<std::string>& keys,
                                                       const WeightSpaceFeatures& features);

/// (W_0, b_0, W_1, b_1, ...), without the channel axis for layers of one channel.
NFOPT_API std::vector<at::Tensor> params_to_func_params(const WeightSpaceFeatures& features);

/// Copies tensors into the parameters and buffers of the same names: an `nfn` state dict into the layer of the same
/// name. Throws Error("layer", ..) that lists every name that is missing or unknown and every shape that differs.
NFOPT_API void load_state_dict(torch::nn::Module& module, const std::map<std::string, at::Tensor>& tensors);
/// The same from a list of names and tensors, as `read_safetensors(path).tensors` is. A name that comes twice is an Error.
NFOPT_API void load_state_dict(torch::nn::Module& module,
                               const std::vector<std::pair<std::string, at::Tensor>>& tensors);

}  // namespace nfopt
