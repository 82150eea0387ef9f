#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/plugin/architecture.h>

#include <memory>

namespace nfopt {

/// What a forward pass is for.
struct Pass {
  bool training = false;
  Rng rng = Rng(0);  ///< dropout and the like; keyed by the caller, so that antithetic members draw the same
};

/// One functional forward for P members at once; P = 1 is a single network.
class NFOPT_API Network {
 public:
  virtual ~Network();

  /// Fills every parameter and buffer. A draw depends on the parameter's name and the member, never on order.
  virtual void initialize(Members& members, const Rng& rng) const = 0;

  /// x [P|1, B, ...] -> [P, B, ...]. Member p depends on its own parameters only.
  virtual at::Tensor forward(Members& members, const at::Tensor& x, const Pass& pass) const = 0;
};

/// An architecture that can also compute: what training and meta-training need.
class NFOPT_API TrainableArchitecture : public Architecture {
 public:
  virtual std::unique_ptr<Network> network(const Options& options) const = 0;
};

}  // namespace nfopt
