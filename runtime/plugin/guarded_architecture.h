#pragma once

#include <nfopt/runtime/plugin/architecture.h>

#include <memory>

namespace nfopt {

/// An architecture as the host uses it: calls go through, foreign exceptions come out as Error with copied text, and a
/// description without tensors is refused here, because everything behind it would fail later and less clearly.
class NFOPT_API GuardedArchitecture final : public Architecture {
 public:
  explicit GuardedArchitecture(ArchitecturePtr inner);

  ArchitectureInfo info() const override;
  std::vector<TensorDescription> describe(const Options& options) const override;
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override;
  std::vector<Example> examples() const override;
  std::shared_ptr<const Architecture> guarded(std::shared_ptr<const Architecture> self) const override { return self; }

 private:
  ArchitecturePtr inner_;
  std::string name_;
};

}  // namespace nfopt
