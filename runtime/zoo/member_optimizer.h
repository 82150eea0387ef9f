#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// A classical optimizer of P networks at once, each with a learning rate and a weight decay of its own.
///
///   p <- p - rate * (u + decay * p)      decoupled decay, as in AdamW
///
///   sgd      u = g
///   sgdm     m <- 0.9 m + g                                                   u = m
///   rmsprop  v <- 0.99 v + 0.01 g^2                                           u = g / (sqrt(v) + 1e-8)
///   adam     m <- 0.9 m + 0.1 g   v <- 0.999 v + 0.001 g^2   corrected by t   u = m / (sqrt(v) + 1e-8)
///
/// Shapes   parameters, gradients [P, shape...]     rates, decays  P numbers
/// Without decay these are torch::optim's SGD, RMSprop and Adam with their default settings (tested). Members never mix.
class NFOPT_API MemberOptimizer {
 public:
  virtual ~MemberOptimizer();
  /// Updates the parameters in place.
  virtual void step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients) = 0;
};

/// Throws Error for a name that is not above, with those that are.
NFOPT_API std::unique_ptr<MemberOptimizer> make_member_optimizer(const std::string& name,
                                                                 const std::vector<at::Tensor>& parameters,
                                                                 const std::vector<double>& rates,
                                                                 const std::vector<double>& decays);
NFOPT_API std::vector<std::string> member_optimizer_names();

}  // namespace nfopt
