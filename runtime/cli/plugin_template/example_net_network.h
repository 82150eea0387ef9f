#pragma once

#include <nfopt/runtime/network/network.h>

#include <cstdint>
#include <memory>
#include <string>

namespace example_net_plugin {

struct ExampleNetShape {
  int64_t input_size;
  int64_t output_size;
  int64_t width;
  int64_t hidden;
  int64_t depth;
  std::string activation;
};

/// "blocks.0", "blocks.1", ..
std::string block_name(int64_t block);

///   h = input x,   h <- h + down_i activation(up_i h),   y = output h        all maps affine
///
/// x [P|1, B, ..] with input_size entries per example  ->  y [P, B, output_size]
std::unique_ptr<nfopt::Network> make_network(const ExampleNetShape& shape);

}  // namespace example_net_plugin
