#pragma once

#include "resnet_shape.h"

#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/network/ops/activation.h>

#include <memory>
#include <string>

namespace nfopt::resnet {

/// x [P|1, B, C, H, W] of any size, or flat examples of C*H*W entries  ->  [P, B, outputs]
std::unique_ptr<Network> make_resnet_network(ResnetShape shape, ops::Activation activation, std::string initialization);

}  // namespace nfopt::resnet
