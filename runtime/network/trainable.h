#pragma once

#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/instance.h>

#include <memory>

namespace nfopt {

/// The architecture as one that can compute, e.g. `trainable(Registry::global().find("mlp"))`.
/// Throws Error when it only describes its tensors.
NFOPT_API std::shared_ptr<const TrainableArchitecture> trainable(const ArchitecturePtr& architecture);

/// The network of an instance. Throws Error when its architecture only describes tensors.
NFOPT_API std::unique_ptr<Network> make_network(const Instance& instance);

}  // namespace nfopt
