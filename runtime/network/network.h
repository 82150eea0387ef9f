#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/manifest.h>
#include <torch/headeronly/version.h>

#include <concepts>
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
  ~TrainableArchitecture() override;

  /// [any-thread, load-time] The networks of two calls share no state.
  virtual std::unique_ptr<Network> network(const Options& options) const = 0;

  std::shared_ptr<const Architecture> guarded(std::shared_ptr<const Architecture> self) const override;
};

/// A plugin with such an architecture must match the host's LibTorch.
template <std::derived_from<TrainableArchitecture> A>
struct LibTorchOf<A> {
  static constexpr std::string_view version = TORCH_VERSION;
};

}  // namespace nfopt
