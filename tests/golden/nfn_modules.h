#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>

namespace nfopt::golden {

/// The weight space of a case's `network_spec`; none where the case has none.
WeightSpacePtr nfn_space(const nlohmann::json& network_spec);

/// A layer of nfn by its published name and constructor options. An unknown name is an Error.
torch::nn::AnyModule nfn_module(const std::string& layer, const nlohmann::json& options, const WeightSpacePtr& space,
                                uint64_t seed = 0);

}  // namespace nfopt::golden
