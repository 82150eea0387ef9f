#pragma once

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/runtime/conformance/subject.h>

#include <string>

namespace nfopt::conformance {

/// A network's function at random members and inputs, to be compared with what it computes after its tensors moved.
///
///   error(g) = max |f(g w)(x) - f(w)(x)| / max |f(w)(x)|
///
/// While training, the buffers written by the pass have to move along: they are compared with g applied to what the
/// pass without g has written. Cost: one forward pass per error().
class NFOPT_API FunctionProbe {
 public:
  /// Limit of the error of a symmetry: float64, cpu. Sums in another order stay some orders of magnitude below it.
  static constexpr double kTolerance = 1e-10;

  FunctionProbe(const Network& network, WeightSpacePtr space, const Example& example, bool training, const Rng& rng);

  struct Error {
    double relative = 0.0;
    std::string where;  ///< "the output", or "buffer 'bn.running_mean'"
    bool is_symmetry() const { return relative <= kTolerance; }
  };
  Error error(const GroupAction& g) const;

  const WeightSpace& space() const { return *space_; }

 private:
  const Network* network_;
  WeightSpacePtr space_;
  Pass pass_;
  at::Tensor x_;
  std::vector<at::Tensor> start_;    // before the pass
  std::vector<at::Tensor> written_;  // after it
  at::Tensor y_;
};

}  // namespace nfopt::conformance
