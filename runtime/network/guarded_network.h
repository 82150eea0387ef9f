#pragma once

#include <nfopt/runtime/network/network.h>

#include <memory>
#include <string>

namespace nfopt {

/// A trainable architecture as the host uses it: what GuardedArchitecture does, and the same for network() and for the
/// networks it makes. LibTorch's exceptions lose their backtrace of several kilobytes on the way.
class NFOPT_API GuardedTrainableArchitecture final : public TrainableArchitecture {
 public:
  explicit GuardedTrainableArchitecture(std::shared_ptr<const TrainableArchitecture> inner);

  ArchitectureInfo info() const override { return plain_->info(); }
  std::vector<TensorDescription> describe(const Options& options) const override { return plain_->describe(options); }
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    return plain_->recognize(shapes);
  }
  std::vector<Example> examples() const override { return plain_->examples(); }
  std::unique_ptr<Network> network(const Options& options) const override;
  std::shared_ptr<const Architecture> guarded(std::shared_ptr<const Architecture> self) const override { return self; }

 private:
  std::shared_ptr<const TrainableArchitecture> inner_;
  ArchitecturePtr plain_;
  std::string name_;
};

}  // namespace nfopt
