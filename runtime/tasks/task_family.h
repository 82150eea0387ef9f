#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/tasks/datasets.h>
#include <nfopt/runtime/tasks/task.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// low .. high, both included. Integers are drawn log-uniformly; reals, too.
struct IntegerRange {
  int64_t low = 0;
  int64_t high = 0;
  bool single() const { return low == high; }
};
struct RealRange {
  double low = 0;
  double high = 0;
};

/// How an option of the architecture is drawn: one of `choices`; or an integer of `value`; or, with `count`, a list of
/// so many integers (count drawn uniformly).
struct OptionDraw {
  std::string name;
  std::vector<OptionValue> choices = {};
  std::optional<IntegerRange> value = {};
  std::optional<IntegerRange> count = {};
};

/// A distribution over tasks, as plain data. The defaults vary nothing: a fixed task is a family of one.
struct TaskFamilyOptions {
  std::string name;
  std::vector<DataOptions> data;  ///< one is drawn
  std::string architecture = "mlp";
  std::map<std::string, OptionValue> options = {};  ///< of the architecture, the same for all tasks
  std::vector<OptionDraw> drawn_options = {};       ///< `input_size`, `output_size` come from the data if not given
  IntegerRange batch_size = {128, 128};
  IntegerRange horizon = {2000, 2000};  ///< T: inner steps of a trajectory
  double loss_exponent = 0.0;  ///< q: the loss of step t counts (q + 1) (t/T)^q times. 0: all alike; 2: mostly the end
  RealRange initial_scale = {1.0, 1.0};  ///< weights and tables are multiplied by it at the start
  bool permute_labels = false;
  double merge_probability = 0.0;  ///< of tasks whose classes are merged into 2 .. C-1
  double noise_probability = 0.0;  ///< of tasks with label noise
  double noise_max = 0.3;          ///< share of examples with a random label, uniform up to this
};

/// The task of arXiv:2402.05232: Fashion-MNIST pooled to 8x8, mlp 64-32-10 relu, batch 128, horizon 2,000.
NFOPT_API TaskFamilyOptions unf_mlp_task();

/// What one trajectory draws beside shapes: it differs between particles of equal shape.
struct TaskVariation {
  double initial_scale = 1.0;
  std::vector<int64_t> labels;  ///< class c becomes labels[c]; empty: as stored
  double label_noise = 0.0;     ///< share of examples whose label is random (the same example, the same label)
  int64_t horizon = 0;          ///< T
};

/// A family ready to sample. Data sets are read once and shared by all tasks.
/// [any-thread] after construction.
class NFOPT_API TaskFamily {
 public:
  /// Reads the data (what `datasets` holds already is shared), finds the architecture. Throws one Error that lists every
  /// option out of range.
  TaskFamily(TaskFamilyOptions options, Registry& registry, Datasets& datasets, at::ScalarType dtype);
  TaskFamily(TaskFamilyOptions options, Registry& registry, at::ScalarType dtype);
  /// With data already in memory, one per draw.
  TaskFamily(TaskFamilyOptions options, ArchitecturePtr architecture, std::vector<Dataset> data, at::ScalarType dtype);

  const TaskFamilyOptions& options() const { return options_; }
  /// All tasks have equal architecture, data and batch size; then `task` returns the same object always.
  bool one_shape() const { return fixed_ != nullptr; }
  at::ScalarType dtype() const { return dtype_; }

  /// Data, architecture and batch size of a draw. A pure function of the generator.
  std::shared_ptr<const Task> task(const Rng& rng) const;
  TaskVariation variation(const Task& task, const Rng& rng) const;
  /// What the loss of step t (0 .. T-1) counts in the meta-loss; its mean over a trajectory is 1 but for O(1/T^2).
  double loss_weight(int64_t step, int64_t horizon) const;
  /// The largest loss of a task that meta-training sees: 1.5 ln(outputs).
  static double loss_bound(const Task& task);

 private:
  void check() const;
  void prepare();
  std::shared_ptr<const Task> draw(const Rng& rng) const;

  TaskFamilyOptions options_;
  ArchitecturePtr architecture_;
  std::vector<Dataset> data_;
  at::ScalarType dtype_;
  std::shared_ptr<const Task> fixed_;
};

}  // namespace nfopt
