#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/binding/binding.h>

#include <functional>
#include <string>
#include <vector>

namespace nfopt {

/// How much the function of a live network changes when one label of its description is permuted.
struct LabelError {
  std::string label;
  double relative = 0;               ///< largest change of an output, relative to the largest output
  std::vector<std::string> tensors;  ///< that carry the label
};

/// Tests on a live network what its description claims: for every plain label, f(g theta) = f(theta) for a random g that
/// moves this label only. `forward` computes outputs for a fixed input from the bound tensors; they are changed in
/// place, and restored whatever happens. theta is near the network's own values, not equal to them: norm weights that
/// are all one and biases that are all zero would hide every error (if the moved network gives no finite outputs, theta
/// is the network's own). Put the module into eval mode, and into float64 for a sharp answer.
/// Throws Error("binding", ..) when two forward passes over the same values differ (dropout, a new input).
/// Cost: three forward passes, and one more for each label.
NFOPT_API std::vector<LabelError> symmetry_errors(const Binding& binding, const std::function<at::Tensor()>& forward,
                                                  const Rng& rng);

/// Throws Error("binding", ..) that lists every label whose error exceeds 1e-9 (float64) or 1e-3 (other types).
NFOPT_API void require_symmetries(const Binding& binding, const std::function<at::Tensor()>& forward, const Rng& rng);

}  // namespace nfopt
