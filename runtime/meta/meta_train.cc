#include <ATen/Parallel.h>
#include <nfopt/runtime/meta/meta_metrics.h>
#include <nfopt/runtime/meta/meta_report.h>
#include <nfopt/runtime/meta/meta_run_identity.h>
#include <nfopt/runtime/meta/meta_start.h>
#include <nfopt/runtime/meta/meta_train.h>
#include <nfopt/runtime/meta/population.h>
#include <nfopt/runtime/meta/rank_exchange.h>
#include <nfopt/runtime/meta/task_family_config.h>
#include <nfopt/runtime/meta/tensor_bytes.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/tasks/datasets.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/version.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;
using FamilyPtr = std::shared_ptr<const TaskFamily>;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Equal families are one, and all share the data that they read.
class Families {
 public:
  explicit Families(at::ScalarType dtype) : dtype_(dtype) {}

  FamilyPtr ready(const TaskFamilyOptions& options) {
    FamilyPtr& family = ready_[to_yaml(to_yaml_value(options))];
    if (!family) family = std::make_shared<const TaskFamily>(options, Registry::global(), datasets_, dtype_);
    return family;
  }

 private:
  at::ScalarType dtype_;
  Datasets datasets_;
  std::map<std::string, FamilyPtr> ready_;
};

class Run {
 public:
  // Everything that can be found wrong comes before the folder: it leaves no trace on the disk then.
  Run(const MetaTrainConfig& config, const std::filesystem::path& path, RunFolder::Mode mode,
      Communicator& communicator, const MetaTrainCallbacks& callbacks)
      : config_(config),
        callbacks_(callbacks),
        communicator_(communicator),
        rng_(static_cast<uint64_t>(config.seed)),
        dtype_(config.dtype == "float64" ? at::kDouble : at::kFloat),
        rule_(rule_to_train(config)),
        metrics_(config),
        rules_([this](const WeightSpacePtr& space) { return make_update_rule(rule_, space); }) {
    check_same_on_all_ranks(communicator_, common_to_ranks(config));
    for (const std::string& folder : config.plugins) Registry::global().add_directory(folder);
    Families families(dtype_);
    make_population(families);
    make_evaluator(families);
    space_ = families.ready(config.families.front().options)->task(Rng(0))->space();
    theta_ = population_->layout().flatten(starting_theta(config, *rules_(space_), rng_.purpose("theta")));
    adam_.emplace(config.outer, population_->layout().size());

    if (root()) folder_.emplace(path, identity_of(config), mode);
    load_start();
    if (root()) {
      for (const std::string& text : folder_->notices()) notice(text);
      metrics_.open(folder_->path(), resumed_ ? step_ : -1);
      RunPiece piece;
      piece.first_step = step_;
      piece.ranks = communicator.size();
      piece.threads = threads();
      piece.nfopt = version();
      pieces_.emplace(*folder_ / "pieces.json", piece);
    }
  }

  MetaTrainResult run() {
    begin_ = Clock::now();
    first_step_ = step_;
    if (callbacks_.on_begin) callbacks_.on_begin(report());
    if (step_ == 0 && !start_.done()) {
      if (config_.evaluate_every > 0) {
        evaluate();
        record();
      }
      save();  // from here on a lost process never costs the run
    }
    StopWish stop;
    while (step_ < config_.outer_steps && !stop.any() && !piece_is_full()) {
      stop = outer_step();
      const bool evaluation_due = config_.evaluate_every > 0 && due(config_.evaluate_every);
      if (evaluation_due) evaluate();
      if (evaluation_due || due(config_.log_every)) record();
      if (due(config_.checkpoint_every)) save();
      if (evaluation_due && root()) write_plots();
      if (callbacks_.on_step) callbacks_.on_step(report());
    }
    if (saved_ != step_) save();
    const MetaTrainResult result = finish(stop);
    if (callbacks_.on_end) callbacks_.on_end(report());
    communicator_.barrier();  // nobody leaves before everything is written
    return result;
  }

  /// What remains of a run that cannot go on, for messages.
  std::string resume_hint() const {
    if (!folder_) return "Once every rank is back, continue with --resume from the last checkpoint of rank 0's folder.";
    const std::vector<int64_t> steps = folder_->checkpoints().steps();
    if (steps.empty()) return "There is no checkpoint yet.";
    return "The last checkpoint is outer step " + std::to_string(steps.back()) + " of " +
           std::to_string(config_.outer_steps) + ". Continue, on any number of ranks, with:\n  nfopt meta-train " +
           (*folder_ / "config.yaml").string() + " --out " + folder_->path().string() + " --resume";
  }

 private:
  bool root() const { return communicator_.rank() == 0; }
  bool due(int64_t every) const { return step_ % every == 0 || step_ == config_.outer_steps; }
  bool piece_is_full() const { return config_.piece_steps > 0 && step_ - first_step_ >= config_.piece_steps; }
  // Inner steps per second of this process, all ranks, without evaluations and files.
  double speed() const { return stepping_ > 0 ? static_cast<double>(inner_steps_here_) / stepping_ : kMissing; }
  int64_t threads() const { return config_.threads > 0 ? config_.threads : tbb::info::default_concurrency(); }

  void make_population(Families& families) {
    PopulationOptions options;
    options.seed = static_cast<uint64_t>(config_.seed);
    options.estimator = config_.estimator;
    options.random_offsets = config_.random_offsets;
    std::vector<PopulationGroup> groups;
    for (const MetaFamilyConfig& family : config_.families)
      groups.push_back({families.ready(family.options), family.particles, family.particles_per_chunk});
    population_.emplace(options, std::move(groups), rules_, communicator_.rank(), communicator_.size());
  }

  void make_evaluator(Families& families) {
    if (config_.evaluate_every == 0) return;
    MetaEvaluator::Options options;
    options.seed = static_cast<uint64_t>(config_.evaluation_seed);
    options.tasks = config_.evaluation_tasks;
    options.steps = config_.evaluation_steps;
    std::vector<FamilyPtr> held_out;
    for (const TaskFamilyOptions& family : config_.evaluation_families) {
      held_out.push_back(families.ready(family));
      population_->layout().check(*rules_(held_out.back()->task(Rng(0))->space()));
    }
    evaluator_.emplace(std::move(held_out), rules_, options);
  }

  StopWish outer_step() {
    const Clock::time_point begin = Clock::now();
    const std::vector<Estimate> own = population_->estimate(theta_, step_);
    StopWish wish;
    wish.signal = Interruption::signal();
    wish.piece_ends = root() && config_.piece_seconds > 0 && seconds_since(begin_) >= config_.piece_seconds;
    const SharedStep shared = share_step(communicator_, own, population_->chunks(), wish);
    const MetaGradient mean = mean_of(shared.parts);
    last_outer_ = adam_->step(theta_, mean.gradient);
    ++step_;
    step_seconds_.push_back(seconds_since(begin));
    stepping_ += step_seconds_.back();

    last_loss_ = mean.loss;
    inner_steps_ += mean.steps;
    inner_steps_here_ += mean.steps;
    diverged_ += mean.diverged;
    dropped_ += mean.dropped;
    metrics_.add(mean, last_outer_);
    return shared.stop;
  }

  void evaluate() {
    int64_t steps = 0;  // of evaluations: not counted as meta-training
    last_ = evaluator_->evaluate(theta_, communicator_, steps);
    if (!start_.done()) start_ = last_;
    if (best_.done() && !(last_.score() < best_.score())) return;
    best_ = last_;
    best_step_ = step_;
    best_theta_ = theta_.clone();
    best_is_new_ = true;
  }

  void record() {
    const bool evaluated = config_.evaluate_every > 0 && (step_ == 0 || due(config_.evaluate_every));
    metrics_.write(step_, inner_steps_, evaluated ? &last_ : nullptr, speed());
  }

  void save() {
    const NamedTensors population = share_state(communicator_, population_->state());
    saved_ = step_;
    if (!root()) return;
    metrics_.sync();  // a checkpoint promises that the rows up to it are there
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.config = to_yaml(to_yaml_value(config_));
    checkpoint.tensors.add("theta", theta_);
    checkpoint.add_group("outer", adam_->state());
    checkpoint.tensors.add("counters", at::tensor({inner_steps_, diverged_, dropped_, best_step_}, at::kLong));
    checkpoint.tensors.add("metrics", metrics_.state());
    if (start_.done()) {
      checkpoint.tensors.add("evaluation.start", start_.values);
      checkpoint.tensors.add("evaluation.last", last_.values);
      checkpoint.tensors.add("evaluation.best", best_.values);
      checkpoint.tensors.add("best_theta", best_theta_);
    }
    checkpoint.add_group("population", population);
    folder_->checkpoints().save(checkpoint);
    pieces_->update(step_, seconds_since(begin_));
    export_theta();
  }

  // From rank 0's checkpoint, on every rank. None: a fresh run.
  void load_start() {
    std::string payload;
    if (root() && folder_->start()) {
      NamedTensors tensors = folder_->start()->tensors;
      tensors.add("step", at::tensor({folder_->start()->step}, at::kLong));
      payload = to_bytes(tensors);
    }
    payload = from_rank_zero(communicator_, payload);
    if (payload.empty()) return;
    Checkpoint checkpoint;
    checkpoint.tensors = tensors_from_bytes(payload);
    const NamedTensors& all = checkpoint.tensors;
    if (all.at("theta").sizes() != theta_.sizes())
      throw Error("checkpoint", "it holds " + std::to_string(all.at("theta").numel()) + " meta-parameters: expected " +
                                    std::to_string(theta_.numel()) + ".");
    step_ = saved_ = all.at("step").item<int64_t>();
    resumed_ = true;
    theta_ = all.at("theta");
    adam_->load_state(checkpoint.group("outer"));
    const int64_t* counters = all.at("counters").const_data_ptr<int64_t>();
    inner_steps_ = counters[0];
    diverged_ = counters[1];
    dropped_ = counters[2];
    best_step_ = counters[3];
    metrics_.load_state(all.at("metrics"));
    if (const at::Tensor* values = all.find("evaluation.start")) {
      start_.values = *values;
      last_.values = all.at("evaluation.last");
      best_.values = all.at("evaluation.best");
      best_theta_ = all.at("best_theta");
      best_is_new_ = true;  // the file may be older than the checkpoint
    }
    population_->load_state(checkpoint.group("population"));
  }

  void export_theta() {
    const MetaTrainResult result = so_far();
    write_theta("theta-last.safetensors", theta_, result, "last", step_, last_);
    if (!best_is_new_) return;
    write_theta("theta-best.safetensors", best_theta_, result, "best", best_step_, best_);
    best_is_new_ = false;
  }

  void write_theta(const std::string& name, const at::Tensor& theta, const MetaTrainResult& result,
                   const std::string& selected, int64_t step, const MetaEvaluation& evaluation) const {
    MetaParameters meta;
    meta.rule = rule_;
    meta.space = space_;
    meta.theta = population_->layout().unflatten(theta, dtype_);
    meta.training = training_record(config_, result, pieces_->pieces(), selected, step, evaluation);
    meta.licence = config_.licence;
    meta.seed = static_cast<uint64_t>(config_.seed);
    save_meta_parameters(*folder_ / name, meta);
  }

  MetaTrainResult so_far() const {
    MetaTrainResult result;
    result.finished = step_ == config_.outer_steps;
    result.first_step = first_step_;
    result.step = step_;
    result.inner_steps = inner_steps_;
    result.diverged = diverged_;
    result.dropped = dropped_;
    result.meta_parameters = theta_.numel();
    result.particles = population_->particles();
    result.threads = threads();
    result.ranks = communicator_.size();
    result.meta_loss = metrics_.loss();
    result.start = start_;
    result.best = best_;
    result.last = last_;
    result.best_step = best_step_;
    result.seconds = seconds_since(begin_);
    result.total_seconds = pieces_ ? pieces_->seconds() : kMissing;
    result.step_seconds = step_seconds_;
    result.inner_steps_per_second = speed();
    return result;
  }

  MetaTrainResult finish(const StopWish& stop) {
    MetaTrainResult result = so_far();
    result.signal = stop.signal;
    if (!root()) return result;
    result.files.push_back(*folder_ / "theta-last.safetensors");
    if (best_.done()) result.files.push_back(*folder_ / "theta-best.safetensors");
    write_meta_plots(config_, result, folder_->path());
    write_meta_summary(config_, result, folder_->path());
    return result;
  }

  void write_plots() const { write_meta_plots(config_, so_far(), folder_->path()); }

  MetaStepReport report() const {
    MetaStepReport report;
    report.step = step_;
    report.total = config_.outer_steps;
    report.meta_loss = last_loss_;
    if (last_.done()) report.evaluation = last_.mean();
    if (best_.done()) report.best_evaluation = best_.mean();
    report.inner_steps_per_second = speed();
    return report;
  }

  void notice(const std::string& text) const {
    if (callbacks_.on_notice) callbacks_.on_notice(text);
  }

  const MetaTrainConfig& config_;
  const MetaTrainCallbacks& callbacks_;
  Communicator& communicator_;
  Rng rng_;
  at::ScalarType dtype_;
  RuleDescription rule_;
  MetaMetrics metrics_;
  RuleFactory rules_;
  WeightSpacePtr space_;
  std::optional<Population> population_;
  std::optional<MetaEvaluator> evaluator_;
  std::optional<OuterAdam> adam_;
  std::optional<RunFolder> folder_;  // rank 0 only, as the pieces
  std::optional<PieceLog> pieces_;

  at::Tensor theta_;  // [D] float64
  int64_t step_ = 0, first_step_ = 0, saved_ = -1;
  bool resumed_ = false;
  int64_t inner_steps_ = 0, inner_steps_here_ = 0, diverged_ = 0, dropped_ = 0;
  OuterStep last_outer_;
  double last_loss_ = kMissing;
  MetaEvaluation start_, last_, best_;
  int64_t best_step_ = 0;
  at::Tensor best_theta_;
  bool best_is_new_ = false;
  Clock::time_point begin_ = Clock::now();
  std::vector<double> step_seconds_;
  double stepping_ = 0;
};

// Error adds "[component] " to its text.
std::string without_component(const std::string& text) {
  const size_t end = text.find("] ");
  return text.starts_with("[") && end != std::string::npos ? text.substr(end + 2) : text;
}

}  // namespace

MetaTrainResult meta_train(const MetaTrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                           Communicator& communicator, const MetaTrainCallbacks& callbacks) {
  at::set_num_threads(1);
  std::optional<tbb::global_control> limit;
  if (config.threads > 0)
    limit.emplace(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(config.threads));
  std::optional<Run> run;
  try {
    run.emplace(config, folder, mode, communicator, callbacks);
    return run->run();
  } catch (const LostRank& lost) {
    const std::string text = without_component(lost.what()) + (run ? "\n" + run->resume_hint() : std::string());
    communicator.leave(text);
    throw LostRank(lost.rank(), text);
  } catch (const std::exception& error) {
    communicator.leave(error.what());
    throw;
  }
}

}  // namespace nfopt
