#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nfopt {

/// Some particles of one task family.
struct PopulationGroup {
  std::shared_ptr<const TaskFamily> family;
  int64_t particles = 16;           ///< antithetic pairs (single trajectories for backpropagation)
  int64_t particles_per_chunk = 0;  ///< one population of equal shape each; 0: 4, or 1 when the family's shapes vary
};

struct PopulationOptions {
  uint64_t seed = 0;
  EstimatorOptions estimator = {};
  bool random_offsets = true;  ///< counters of the first trajectories start anywhere below the horizon
};

/// All particles of a meta-training run: groups of several families side by side, cut into chunks.
///
/// A chunk runs its whole window on one thread, without synchronisation between inner steps; different chunks run side
/// by side on TBB, expensive ones first. Particles are numbered over all groups in order, chunks likewise. Chunk sizes
/// come from the options alone, so results are the same, bit for bit, at any number of threads and ranks.
///
/// Random numbers: (seed, purpose, outer step | restart count, particle, inner step), see docs/meta-training.md.
class NFOPT_API Population {
 public:
  /// The chunks of rank `rank` of `ranks`: chunk c belongs to rank c % ranks. Throws Error("meta", ..) when groups or
  /// estimator do not fit, when families need different meta-parameters, or when a rank would have no chunk.
  Population(const PopulationOptions& options, std::vector<PopulationGroup> groups, RuleFactory rules, int64_t rank = 0,
             int64_t ranks = 1);
  ~Population();

  const ThetaLayout& layout() const;
  int64_t particles() const;                ///< of all ranks
  int64_t chunks() const;                   ///< of all ranks
  std::vector<int64_t> own_chunks() const;  ///< global numbers, increasing

  /// One window of every own chunk with theta [D]: their estimates in the order of own_chunks(). The meta-gradient is
  /// mean_of the estimates of all chunks in global order.
  std::vector<Estimate> estimate(const at::Tensor& theta, int64_t outer_step);

  /// Everything of the own chunks, names `chunk.<c>.` + unroll and estimator state. Continues with the same bits.
  /// load_state ignores chunks of other ranks, so that the merged state of all ranks may be given to each; a missing
  /// tensor or one of another shape throws Error and changes nothing that matters: construct anew.
  NamedTensors state() const;
  void load_state(const NamedTensors& state);

 private:
  struct Chunk;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nfopt
