#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// The direction that the learned multiplier scales.
enum class ContextNominal : uint8_t {
  adam,      ///< m_1 / (sqrt(v) + epsilon)
  momentum,  ///< m_1 / (vr + epsilon), vr the tensor's RMS gradient: momentum SGD with one scale per tensor
};

/// Every constant of the rule `context` (ContextRule has the equations). With a gain of 0, or no step-size units, the
/// part is absent: these are the ablations.
struct ContextDescription {
  int64_t hidden = 8;       ///< channels of h1 and h2, at most 8: the step must stay cheap
  int64_t rate_units = 12;  ///< of the step-size network; 0: one learned step size per role

  std::vector<double> momentum_decays = {0.9, 0.99, 0.999};  ///< of m_1, m_2, m_3
  double square_decay = 0.99;                                ///< of v, rows and columns
  double loss_decay = 0.95;                                  ///< of the average loss
  ContextNominal nominal = ContextNominal::adam;

  double epsilon = 1e-8;          ///< added to sqrt(v), vr and rms(w)
  double row_epsilon = 1e-9;      ///< added to row / mean(row)
  double column_epsilon = 1e-16;  ///< added to column
  double floor = 1e-30;           ///< added to squares before a root or a quotient: derivatives at 0 stay finite
  double clip = 4;                ///< of features other than m_k / sqrt(v)

  double context_gain = 1;      ///< of everything that comes from other parameters; 0: a per-parameter rule
  double direction_gain = 0.3;  ///< of d
  double scale_gain = 0.5;      ///< of s in exp(clip(gain s, -limit, limit))
  double scale_limit = 3;
  double initial_rate = 3e-3;  ///< step size at the start

  std::vector<double> progress_centres = {0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1, 1.1};
  double progress_slope = 10;
  double progress_without_horizon = 0.4;  ///< t/T where nobody has set a horizon: a constant schedule
  double rms_gain = 0.3;                  ///< of log(rms(w) + rms_offset) and of log update-to-weight ratio
  double rms_offset = 1e-3;
  double count_gain = 0.1;  ///< of log numel, log fan-in, log step
  double loss_clip = 5;     ///< of log(average loss / first loss)
};

/// What a parameter element shows the network.
inline constexpr int64_t kContextFeatures = 14;
/// Tensor roles with biases of their own: weight (and table), bias, every other, weight of the network's outputs.
inline constexpr int64_t kContextRoles = 4;
/// Inputs of the step-size network beside those of progress: weight size, entries, step, loss, fan-in, update-to-weight.
inline constexpr int64_t kContextTensorInputs = 6;

/// Throws Error("rule", ..) with all values out of range.
NFOPT_API void check(const ContextDescription& description);

/// JSON text and back. Reading is strict: unknown, missing and ill-typed entries are one Error.
NFOPT_API std::string to_json(const ContextDescription& description);
NFOPT_API ContextDescription context_from_json(const std::string& text);

/// The constants that a map of a config names, the others as they are by default; problems become the map's. Writing
/// gives all of them.
NFOPT_API ContextDescription read_context(YamlMap map);
NFOPT_API YamlValue to_yaml_value(const ContextDescription& description);

}  // namespace nfopt
