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
  // Those below need FeatureDescription::adafactor; one channel per factored decay where R, C, row or col stands.
  rms,                ///< v
  inverse_rms,        ///< r = (v + rms_epsilon)^(-1/2)
  scaled_momenta,     ///< m_a r, one channel per decay
  factored_gradient,  ///< g R C (factored_moments.h)
  factored_momenta,   ///< m_k R_k C_k: as many factored decays as momenta
  rows,               ///< row, at every element of it
  columns,            ///< col
  inverse_rows,       ///< (row + root_epsilon)^(-1/2)
  inverse_columns,    ///< (col + root_epsilon)^(-1/2)
};

/// How the stacked channels x are scaled, per parameter tensor.
enum class Normalization : uint8_t {
  tensor_rms,    ///< x * (eps + mean over axes and channels of x^2)^(-1/2): one number per tensor
  channel_rms,   ///< x * (eps + mean over axes of x^2)^(-1/2): one number per tensor and channel
  standardized,  ///< (x - mean) / (std + eps) over axes, per channel, time channels included (they become 0)
};

/// Second moments in rows and columns (factored_moments.h), and the numbers of what is made of them.
struct AdafactorDescription {
  std::vector<double> decays = {0.9, 0.99, 0.999};
  /// All decays a of the features are learned: 1 - (1 - a) e^(10 theta), theta 0 at the start (`momentum_decays`,
  /// `rms_decays`, `adafactor_decays`). Second moments use no decay below 0.
  bool learned_decays = true;
  double square_epsilon = 1e-30;
  double mean_epsilon = 1e-9;
  double floor = 1e-9;
  double rms_epsilon = 1e-6;
  double root_epsilon = 1e-8;
};

/// From parameters, gradients and accumulators to the network's input. Momenta are averages without bias correction,
/// m_a <- a m_a + (1-a) g, updated before use; so is v <- c v + (1-c) g^2.
struct FeatureDescription {
  std::vector<FeatureInput> inputs = {FeatureInput::parameter, FeatureInput::gradient, FeatureInput::momenta};
  std::vector<double> momentum_decays = {0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
  double rms_decay = 0.999;                               ///< c, where v is used
  double rms_floor = 1e-9;                                ///< used by normalized_momenta only
  double clip = std::numeric_limits<double>::infinity();  ///< every channel is clamped to [-clip, clip] first
  Normalization normalization = Normalization::tensor_rms;
  double epsilon = 1e-5;
  /// tanh(t/tau - 1) appended to every element, t = 0 on the first step
  std::vector<double> time_scales = {1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5};
  std::optional<AdafactorDescription> adafactor = std::nullopt;

  int64_t channels() const;  ///< without the time channels
};

enum class LayerType : uint8_t {
  dense,               ///< y = x w + b, the same for every element of every tensor
  unf,                 ///< every valid partition of the weight space (arXiv:2402.05232)
  unf_plus_pointwise,  ///< unf plus x w, one w for all tensors
  unf_pool,            ///< the mean of all valid partitions, without parameters (unf_pool_map.h)
  deep_set,            ///< y = x w + mean(x) u + b, the mean over all elements of all tensors (deep_set_map.h)
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

/// The gradient that a nominal step follows. r and a as in FeatureInput.
enum class NominalGradient : uint8_t {
  gradient,              ///< g
  momentum,              ///< m of the last decay
  mean_momentum,         ///< mean over decays of m_a (AggMo)
  scaled_momentum,       ///< m r of the last decay (Adam)
  mean_scaled_momentum,  ///< mean over decays of m_a r (Adam with AggMo)
};

/// Beside the exponential step d e^(a exp_mult) step_mult of a network with four outputs d, a, q, w:
///
///   u = [d e^(a exp_mult) step_mult] + step e^(q step_exp) * gradient + weight_decay e^(w decay_exp) * p
///
/// Source   learned_optimization, learned_optimizers/adafac_nominal.py; Harrison et al., arXiv:2209.11208
struct NominalDescription {
  NominalGradient gradient = NominalGradient::mean_scaled_momentum;
  double step = 0;
  double weight_decay = 0;
  double step_exp = 1e-3;
  double decay_exp = 1e-3;
  bool controls_step = false;       ///< q is the third output; otherwise 1
  bool controls_decay = false;      ///< w is the fourth output; otherwise 0
  bool mean_magnitude = false;      ///< a is its mean over the parameter tensor
  bool mean_step_control = false;   ///< so is q
  bool scaled_by_rms = false;       ///< the bracket is multiplied by r
  bool scaled_by_gradient = false;  ///< and by the mean of g over the parameter tensor
};

struct StepDescription {
  StepForm form = StepForm::residual;
  double step_mult = 0.1;   ///< start value where it is learnable
  double out_mult = 1e-4;   ///< start value where it is learnable
  double momentum = 0.9;    ///< start value where it is learnable
  bool normalized = false;  ///< residual: m is the normalized momentum of that decay
  double exp_mult = 1e-3;
  std::optional<NominalDescription> nominal = std::nullopt;  ///< with form exponential only

  int64_t outputs() const;  ///< channels that it reads of the network
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
