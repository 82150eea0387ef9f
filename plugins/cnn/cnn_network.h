#pragma once

#include "cnn_shape.h"

#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/network/ops/activation.h>

#include <memory>
#include <string>

namespace nfopt::cnn {

/// x [P|1, B, C, H, W], or flat examples of C*H*W entries  ->  [P, B, outputs]
/// With global average pooling, images may have any size.
std::unique_ptr<Network> make_cnn_network(CnnShape shape, ops::Activation activation, std::string initialization);

}  // namespace nfopt::cnn
