#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/fallback_adamw.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/update_rule.h>
#include <torch/arg.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <filesystem>
#include <iosfwd>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

struct LoadedRule;

/// What happens when a gradient or an update is not finite.
enum class NonFinite : uint8_t {
  stop,    ///< Error that names the parameters; nothing has changed
  skip,    ///< the step does nothing and is counted; skipped_steps() and last_skip() report
  ignore,  ///< not looked at: saves the one device synchronisation of a step
};

/// `lr` and `weight_decay` belong to a parameter group; the others are read from the optimizer's defaults.
struct NFOPT_API LearnedOptimizerOptions : torch::optim::OptimizerCloneableOptions<LearnedOptimizerOptions> {
  LearnedOptimizerOptions(double lr = 1.0) : lr_(lr) {}  // NOLINT: as torch's own options
  TORCH_ARG(double, lr) = 1.0;                           ///< multiplies the learned step; 1 is "as meta-trained"
  TORCH_ARG(double, weight_decay) = 0.0;                 ///< decoupled: p <- p - lr * weight_decay * p
  TORCH_ARG(double, max_update_norm) = std::numeric_limits<double>::infinity();  ///< of all updates together
  TORCH_ARG(std::optional<int64_t>, total_steps) = std::nullopt;                 ///< horizon, for rules that see it
  TORCH_ARG(NonFinite, non_finite) = NonFinite::stop;
  /// For parameters the weight space does not cover; without it they are an error at construction.
  TORCH_ARG(std::optional<FallbackOptions>, fallback) = std::nullopt;

 public:
  double get_lr() const override { return lr(); }
  void set_lr(double value) override { lr(value); }
};

/// Parameters by name, as `Module::named_parameters` gives them.
using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

/// A learned update rule in the place of a torch optimizer.
///
///   p <- p - lr * u - lr * weight_decay * p           u from the rule, as meta-trained
///
/// Parameters are matched to the weight space by name and shape. Copies that share storage step once. Parameters
/// without a gradient are left alone, and so is their part of the state. Every step checks that parameters still have
/// the shape, type and device their state was made for. Half and bfloat16 parameters are stepped in float32.
/// Errors   Error("optimizer", ..) naming every parameter that is missing, uncovered, changed, sparse or not finite.
/// Cost     rule->update, then two in-place operations per parameter; one device synchronisation unless
///          NonFinite::ignore. With NonFinite::ignore, lr 1, no weight decay, no bound on the norm, all gradients and
///          parameters in float32 or float64: rule->step_in_place, the same bits without copies of updates and state.
class NFOPT_API LearnedOptimizer : public torch::optim::Optimizer {
 public:
  using Rule = std::shared_ptr<const UpdateRule>;

  LearnedOptimizer(const NamedParameters& parameters, Rule rule, NamedTensors theta,
                   LearnedOptimizerOptions options = {});
  LearnedOptimizer(const torch::nn::Module& module, Rule rule, NamedTensors theta,
                   LearnedOptimizerOptions options = {});
  /// From a file of meta-parameters (meta_parameters.h).
  LearnedOptimizer(const torch::nn::Module& module, const std::filesystem::path& meta_parameters,
                   const WeightSpacePtr& space, LearnedOptimizerOptions options = {});
  /// Groups with an lr and weight decay of their own; a group without options takes the defaults. `parameters` names
  /// the tensors of all groups.
  LearnedOptimizer(const std::vector<torch::optim::OptimizerParamGroup>& groups, const NamedParameters& parameters,
                   Rule rule, NamedTensors theta, LearnedOptimizerOptions defaults = {});
  ~LearnedOptimizer() override;

  /// One step for the gradients at hand; with a closure, for those it computes (under grad mode). Returns its loss.
  at::Tensor step(LossClosure closure = nullptr) override;

  /// After the module was moved to another type or device: the state follows. Shapes must be the same.
  void rebind(const NamedParameters& parameters);
  void rebind(const torch::nn::Module& module);

  const UpdateRule& rule() const;
  const NamedTensors& theta() const;
  int64_t steps() const;                 ///< done so far, skipped ones not counted
  int64_t skipped_steps() const;         ///< because something was not finite
  const std::string& last_skip() const;  ///< why, "" if none was

  /// Everything a run must keep: theta, accumulators, counters, lr and weight decay of every group. Tensors by name;
  /// loading it into an optimizer over the same parameters continues bit for bit. Hides torch's state(), which is keyed
  /// by addresses and stays empty here.
  NamedTensors state() const;
  /// Throws Error that lists every missing, unexpected and mismatching tensor; nothing has changed then.
  void load_state(const NamedTensors& state);
  /// The same through torch::save and torch::load.
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

  /// Rule, parameters, state and fallback in a few lines.
  std::string describe() const;

 private:
  struct Impl;
  LearnedOptimizer(const torch::nn::Module& module, LoadedRule loaded, LearnedOptimizerOptions options);
  void apply(const std::vector<at::Tensor>& updates, const std::vector<at::Tensor>& gradients);
  /// Whether nobody looks at the updates or changes them before they reach the parameters.
  bool rule_steps_alone(const std::vector<at::Tensor>& gradients) const;
  void step_uncovered(const std::vector<at::Tensor>& gradients);
  LearnedOptimizerOptions& group_options(size_t group) const;
  bool all_finite(const std::vector<at::Tensor>& gradients, const std::vector<at::Tensor>& updates);

  std::unique_ptr<Impl> impl_;
};

NFOPT_API std::ostream& operator<<(std::ostream& out, const LearnedOptimizer& optimizer);

/// The parameters of a module by name, shared ones under every name they have.
NFOPT_API NamedParameters named_parameters(const torch::nn::Module& module);

}  // namespace nfopt
