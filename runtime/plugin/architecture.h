#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/plugin/options.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// What an architecture says about itself.
struct ArchitectureInfo {
  std::string name;     ///< id in configs and commands: [a-z0-9_]+, unique in a process
  std::string summary;  ///< one line
  std::vector<Option> options;
};

/// Names and shapes of a live network's parameters and buffers, in its own order.
using NamedShapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

/// A family of networks: what its parameters are called, how they are shaped and how they may be permuted.
/// Plain data in, plain data out: this header and what it includes know nothing of LibTorch.
/// Any method may throw; the host copies the text of the exception at the boundary.
class NFOPT_API Architecture {
 public:
  virtual ~Architecture();

  /// [any-thread, load-time]
  virtual ArchitectureInfo info() const = 0;

  /// The tensors of one network, with axis expressions. Options are already checked against `info().options`.
  /// [any-thread, load-time] Called once per network; may allocate; must not call back into the host.
  virtual std::vector<TensorDescription> describe(const Options& options) const = 0;

  /// The options under which `describe` yields exactly these names and shapes, or nothing.
  /// [any-thread, load-time]
  virtual std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const;

  /// `self` behind a boundary that no foreign exception passes (guarded_architecture.h). The registry calls it once;
  /// kinds of architectures override it so that the guard keeps what they add, plugins leave it alone.
  virtual std::shared_ptr<const Architecture> guarded(std::shared_ptr<const Architecture> self) const;
};

using ArchitecturePtr = std::shared_ptr<const Architecture>;

}  // namespace nfopt
