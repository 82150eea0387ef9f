#pragma once

#include <nfopt/nflayers/kernels/cpu/context_plan.h>
#include <nfopt/nflayers/kernels/cpu/context_runs.h>
#include <nfopt/nflayers/spec/export.h>

#include <functional>
#include <span>
#include <vector>

namespace nfopt::cpu {

/// Constants of the rule, of every member (ContextDescription has their meaning).
struct ContextStepConstants {
  double momentum_decays[3] = {};
  double square_decay = 0;
  double epsilon = 0, row_epsilon = 0, column_epsilon = 0, floor = 0, clip = 0;
  double context_gain = 0, direction_gain = 0, scale_gain = 0, scale_limit = 0;
  bool momentum_direction = false;
};

/// What the step-size network reads of a tensor.
struct ContextTensorStatistics {
  double weight_rms = 0;
  double nominal_rms = 0;
};

/// Memory of one member. Lists run over the tensors of the plan.
struct ContextStepMember {
  std::vector<float*> w;
  std::vector<const float*> g;
  std::vector<float*> out;   ///< receives the update; empty: it is subtracted from w
  float* momenta = nullptr;  ///< [3, N]
  float* squares = nullptr;  ///< [N]
  float* rows = nullptr;     ///< [row statistics]
  float* columns = nullptr;  ///< [column statistics]
  double updates = 0;        ///< that the accumulators have seen, this one included
  const ContextNetwork* network = nullptr;
  /// Step sizes of all tensors from their statistics.
  std::function<void(std::span<const ContextTensorStatistics>, std::span<double>)> rates;
};

/// The step of the rule `context` for every member, float32, in three passes over the parameters: (1) accumulators and
/// sums per tensor, row and column; (2) hidden channels, of which only means along labels are kept; (3) hidden channels
/// again, contexts added, and the step.
///
/// Equal to ContextRule::update_by_aten within rounding. Members share nothing; the order of every sum is fixed by the
/// plan, so that neither the number of threads nor the size of the population changes a bit.
/// Work is spread over members, and over tiles of large networks, by oneTBB.
NFOPT_API void context_step(const ContextStepPlan& plan, const ContextStepConstants& constants,
                            std::span<ContextStepMember> members);

}  // namespace nfopt::cpu
