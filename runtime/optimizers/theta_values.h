#pragma once

#include <nfopt/runtime/optimizers/network_layer.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <vector>

namespace nfopt {

/// Names, order and shapes [P|1, ...] of theta against what the rule expects: throws Error("theta", ..) that lists all
/// missing, unexpected and mismatching tensors.
NFOPT_API void check_theta(const UpdateRule& rule, const NamedTensors& theta);

/// Throws Error("optimizer", ..) where theta is neither one for all members of `like` [P, ...] nor one for each.
void check_members(int64_t theta_members, const at::Tensor& like);

/// The tensors [P|1, ...] of theta in the type and on the device of `like` [P, ...], for a step of a rule whose
/// theta_shapes() are `shapes`. Throws as check_theta and check_members do.
std::vector<at::Tensor> theta_values(const UpdateRule& rule, const std::vector<ThetaShape>& shapes,
                                     const NamedTensors& theta, const at::Tensor& like);

}  // namespace nfopt
