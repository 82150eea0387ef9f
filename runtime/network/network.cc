#include <nfopt/runtime/network/guarded_network.h>
#include <nfopt/runtime/network/network.h>

namespace nfopt {

Network::~Network() = default;

TrainableArchitecture::~TrainableArchitecture() = default;

std::shared_ptr<const Architecture> TrainableArchitecture::guarded(std::shared_ptr<const Architecture> self) const {
  // `self` owns this object: the new pointer shares that ownership and skips a cast.
  return std::make_shared<GuardedTrainableArchitecture>(
      std::shared_ptr<const TrainableArchitecture>(std::move(self), this));
}

}  // namespace nfopt
