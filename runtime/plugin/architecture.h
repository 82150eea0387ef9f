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

/// One network of the family that shows a feature, small enough to be built and run in milliseconds, and what it takes
/// as an input. `nfopt plugin check` tests every one of them: let the examples cover what changes names, shapes or
/// symmetries (depth, biases, norms, heads, tied weights), and let every width differ from the others, because equal
/// sizes hide swapped axes.
struct Example {
  std::string name;                            ///< what is special about it, e.g. "no_bias": [a-z0-9_]+
  std::map<std::string, OptionValue> options;  ///< as a config would give them
  std::vector<int64_t> input_shape;            ///< of one example, e.g. {784}, {3, 8, 8}; a sequence of 7 tokens: {7}
  int64_t vocabulary = 0;                      ///< 0: inputs are real numbers; else integers (int64) below this
};

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

  /// Networks that the conformance tests build, at least one for an architecture that can compute; for one that only
  /// describes its tensors `input_shape` stays empty. None: the tests use the default options, if nothing is required.
  /// [any-thread, load-time]
  virtual std::vector<Example> examples() const;

  /// `self` behind a boundary that no foreign exception passes (guarded_architecture.h). The registry calls it once;
  /// kinds of architectures override it so that the guard keeps what they add, plugins leave it alone.
  virtual std::shared_ptr<const Architecture> guarded(std::shared_ptr<const Architecture> self) const;
};

using ArchitecturePtr = std::shared_ptr<const Architecture>;

}  // namespace nfopt
