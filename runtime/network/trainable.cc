#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/trainable.h>

namespace nfopt {

std::shared_ptr<const TrainableArchitecture> trainable(const ArchitecturePtr& architecture) {
  auto able = std::dynamic_pointer_cast<const TrainableArchitecture>(architecture);
  if (!able) {
    throw Error("plugins", "Architecture '" + architecture->info().name +
                               "' describes its tensors but cannot compute: expected a TrainableArchitecture. "
                               "Choose another one, or derive from TrainableArchitecture and implement network().");
  }
  return able;
}

std::unique_ptr<Network> make_network(const Instance& instance) {
  return trainable(instance.architecture)->network(instance.options);
}

}  // namespace nfopt
