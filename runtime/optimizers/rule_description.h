#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/runtime/optimizers/context_description.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// What one channel, or one channel per momentum, is made of.
enum class FeatureInput : uint8_t {
  parameter,           ///< p
  gradient,            ///< g
  momenta,             ///< m_a, one channel per decay
  normalized_momenta,  ///< m_a / (1-a^T) * max(v / (1-c^T), floor)^(-1/2), T = step + 1
};

/// How the stacked channels x are scaled, per parameter tensor.
enum class Normalization : uint8_t {
  tensor_rms,    ///< x * (eps + mean over axes and channels of x^2)^(-1/2): one number per tensor
  channel_rms,   ///< x * (eps + mean over axes of x^2)^(-1/2): one number per tensor and channel
  standardized,  ///< (x - mean) / (std + eps) over axes, per channel, time channels included (they become 0)
};

/// From parameters, gradients and accumulators to the network's input. Momenta are averages without bias correction,
/// m_a <- a m_a + (1-a) g, updated before use; so is v <- c v + (1-c) g^2.
struct FeatureDescription {
  std::vector<FeatureInput> inputs = {FeatureInput::parameter, FeatureInput::gradient, FeatureInput::momenta};
  std::vector<double> momentum_decays = {0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
  double rms_decay = 0.999;                               ///< c, used by normalized_momenta only
  double rms_floor = 1e-9;                                ///< used by normalized_momenta only
  double clip = std::numeric_limits<double>::infinity();  ///< every channel is clamped to [-clip, clip] first
  Normalization normalization = Normalization::tensor_rms;
  double epsilon = 1e-5;
  /// tanh(t/tau - 1) appended to every element, t = 0 on the first step
  std::vector<double> time_scales = {1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5};

  int64_t channels() const;  ///< without the time channels
};

enum class LayerType : uint8_t {
  dense,               ///< y = x w + b, the same for every element of every tensor
  unf,                 ///< every valid partition of the weight space (arXiv:2402.05232)
  unf_plus_pointwise,  ///< unf plus x w, one w for all tensors
};

struct LayerDescription {
  LayerType type = LayerType::dense;
  int64_t c_in = 0;
  int64_t c_out = 0;
  bool relu = false;  ///< max(0, x) follows
  bool position_embedding =
      false;  ///< before it: a learned [H, W, 1, 1, c_out] is added on rank-4 tensors [H, W, in, out]
};

/// Fresh dense weights are normal draws cut at two standard deviations of the parent normal.
enum class DenseInit : uint8_t {
  unit_variance,  ///< variance 1/c_in after the cut
  unit_parent,    ///< variance 1/c_in before the cut
};

struct NetworkDescription {
  std::vector<LayerDescription> layers;
  DenseInit dense_init = DenseInit::unit_variance;
  Fold fold = Fold::fixed();  ///< of the equivariant layers
};

/// u, where params' = params - lr * u, from the network's output f.
enum class StepForm : uint8_t {
  residual,            ///< step_mult * (out_mult * f + m), m: the accumulator of decay `momentum`
  learnable_residual,  ///< exp(theta.step_mult) * (exp(theta.out_mult) * f + mom), its own accumulator
                       ///< mom <- c mom + (1-c) g, c = 1 - exp(theta.one_minus_momentum)
  exponential,         ///< two outputs d, e: step_mult * d * exp(e * exp_mult)
  scaled_gradient,     ///< step_mult * exp(f) * g
};

struct StepDescription {
  StepForm form = StepForm::residual;
  double step_mult = 0.1;   ///< start value where it is learnable
  double out_mult = 1e-4;   ///< start value where it is learnable
  double momentum = 0.9;    ///< start value where it is learnable
  bool normalized = false;  ///< residual: m is the normalized momentum of that decay
  double exp_mult = 1e-3;
};

/// A learned optimizer = features + network + step, as plain data. Together with theta and the weight space it says
/// all that is needed to step.
struct RuleDescription {
  std::string name;
  FeatureDescription features;
  NetworkDescription network;
  StepDescription step;
  /// Set for the rule `context`, which is not assembled from these parts: the others are then unused.
  std::optional<ContextDescription> context = std::nullopt;
};

/// Throws Error with all contradictions: channel counts that do not follow each other, a momentum that is no
/// accumulator, decays outside [0, 1), ...
NFOPT_API void check(const RuleDescription& rule);

/// JSON text and back; reading is strict (unknown, missing and ill-typed entries are errors with their place).
NFOPT_API std::string to_json(const RuleDescription& rule);
NFOPT_API RuleDescription rule_from_json(const std::string& text);

}  // namespace nfopt
