#pragma once

#include <nfopt/nflayers/spec/tensor_description.h>

#include <cstdint>
#include <vector>

namespace nfopt::testing {

using Descriptions = std::vector<TensorDescription>;

/// Families of networks of any size, with roles and blocks as the plugins give them.
Descriptions mlp(int layers, int64_t width = 3);
Descriptions cnn(int layers);                         ///< 2x2 kernels, global pool, linear head
Descriptions resnet(const std::vector<int>& stages);  ///< blocks per stage; stream and norm scales
Descriptions gpt(int layers);                         ///< learned positions, tied head
Descriptions lstm(int layers, bool both_directions);

}  // namespace nfopt::testing
