#pragma once

#include <cstdint>

namespace nfopt::cpu {

inline constexpr int kContextHidden = 8;  ///< channels; narrower rules have zeros
inline constexpr int kContextFeatureCount = 14;
inline constexpr int kContextRoleCount = 4;

/// Constants of one tensor in one step.
struct ContextRunConstants {
  float momentum_weights[3] = {};      ///< 1 - decay
  float square_weight = 0;             ///< 1 - decay
  float momentum_corrections[3] = {};  ///< 1 / (1 - decay^n)
  float square_correction = 0;
  float epsilon = 0, floor = 0, clip = 0;
  float inverse_scale = 0;   ///< 1 / (rms gradient + epsilon)
  float inverse_weight = 0;  ///< 1 / (rms(w) + epsilon)
  float scale_gain = 0, scale_limit = 0, direction_gain = 0;
  float rate = 0;
  bool momentum_direction = false;  ///< m_1 * inverse_scale instead of m_1 / sqrt(v)
};

/// `n` contiguous elements of a tensor and its accumulators.
struct ContextRun {
  int64_t n = 0;
  const float* g = nullptr;
  float* w = nullptr;
  float* m[3] = {};
  float* v = nullptr;
  /// The factored direction is g * factor[i] * factor_scale; null: g / sqrt(v).
  const float* factor = nullptr;
  float factor_scale = 1;
};

/// What the first pass learns about a run.
struct ContextRunSums {
  float squares = 0;   ///< v
  float weights = 0;   ///< w^2
  float nominal = 0;   ///< direction^2 (m_1 alone where it is to be divided by the tensor's scale)
  float gradient = 0;  ///< g^2
};

/// One network per member, output channel last.
struct ContextNetwork {
  alignas(64) float body[kContextFeatureCount][kContextHidden] = {};
  alignas(64) float body_bias[kContextRoleCount][kContextHidden] = {};
  alignas(64) float self[kContextHidden][kContextHidden] = {};
  alignas(64) float slots[3][kContextHidden][kContextHidden] = {};
  alignas(64) float tensor[kContextHidden][kContextHidden] = {};
  alignas(64) float network[kContextHidden][kContextHidden] = {};
  alignas(64) float mix_bias[kContextRoleCount][kContextHidden] = {};
  alignas(64) float direction[kContextHidden] = {};
  alignas(64) float scale[kContextHidden] = {};
  float direction_bias = 0, scale_bias = 0;
};

/// Accumulators of a run; `column_squares`, if any, receives g^2 per element.
ContextRunSums context_accumulate(const ContextRun& run, const ContextRunConstants& c, float* column_squares);

/// h1 of a run: added to `sums` [8, stride] per element and to `total` [8].
void context_hidden(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role,
                    float* sums, int64_t stride, float* total);

/// The step of a run, written to `out`, or subtracted from w where `out` is null. `row` [8] is the same for every
/// element, `columns` [8, stride] is not.
void context_step_run(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role,
                      const float* row, const float* columns, int64_t stride, float* out);

}  // namespace nfopt::cpu
