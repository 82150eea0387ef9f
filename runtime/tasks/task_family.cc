#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/tasks/task_family.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

double log_uniform(double low, double high, double u) { return low * std::pow(high / low, u); }

// Log-uniform over [low, high + 1), rounded down: both ends have their share.
int64_t log_uniform(const IntegerRange& range, double u) {
  const double drawn = log_uniform(static_cast<double>(range.low), static_cast<double>(range.high + 1), u);
  return std::clamp(static_cast<int64_t>(drawn), range.low, range.high);
}

OptionValue draw_option(const OptionDraw& draw, const Rng& rng) {
  if (!draw.choices.empty()) return draw.choices[rng.integer(0, static_cast<int64_t>(draw.choices.size()))];
  if (!draw.count) return log_uniform(*draw.value, rng.uniform(0));
  std::vector<int64_t> list(draw.count->low + rng.integer(0, draw.count->high - draw.count->low + 1));
  for (size_t i = 0; i < list.size(); ++i) list[i] = log_uniform(*draw.value, rng.uniform(i + 1));
  return list;
}

bool varies(const OptionDraw& draw) {
  if (!draw.choices.empty()) return draw.choices.size() > 1;
  return !draw.value->single() || (draw.count && !draw.count->single());
}

/// Sizes that follow from the data, where the architecture has such options and nobody gave them.
void fill_sizes(std::map<std::string, OptionValue>& options, const Architecture& architecture, const Dataset& data) {
  for (const Option& option : architecture.info().options) {
    if (option.type != Option::Type::integer || !option.required || options.count(option.name) > 0) continue;
    if (option.name == "output_size") options[option.name] = data.classes;
    if (option.name == "input_size") options[option.name] = data.train.inputs[0].numel();
  }
}

}  // namespace

TaskFamilyOptions unf_mlp_task() {
  TaskFamilyOptions family;
  family.name = "unf_mlp";
  family.data = {FashionMnistOptions{{}, 8, {}}};
  family.architecture = "mlp";
  family.options = {{"hidden", std::vector<int64_t>{32}}, {"initialization", std::string("haiku")}};
  return family;
}

TaskFamily::TaskFamily(TaskFamilyOptions options, Registry& registry, Datasets& datasets, at::ScalarType dtype)
    : options_(std::move(options)), dtype_(dtype) {
  check();
  architecture_ = registry.find(options_.architecture);
  for (const DataOptions& one : options_.data) data_.push_back(datasets.get(one, dtype_));
  prepare();
}

TaskFamily::TaskFamily(TaskFamilyOptions options, Registry& registry, at::ScalarType dtype)
    : TaskFamily(std::move(options), registry, *std::make_unique<Datasets>(), dtype) {}

TaskFamily::TaskFamily(TaskFamilyOptions options, ArchitecturePtr architecture, std::vector<Dataset> data,
                       at::ScalarType dtype)
    : options_(std::move(options)), architecture_(std::move(architecture)), data_(std::move(data)), dtype_(dtype) {
  options_.data.resize(data_.size());
  check();
  prepare();
}

double TaskFamily::loss_weight(int64_t step, int64_t horizon) const {
  const double q = options_.loss_exponent;
  if (q == 0) return 1.0;
  return (q + 1) * std::pow((static_cast<double>(step) + 0.5) / static_cast<double>(horizon), q);
}

double TaskFamily::loss_bound(const Task& task) { return 1.5 * std::log(static_cast<double>(task.outputs())); }

void TaskFamily::check() const {
  const TaskFamilyOptions& o = options_;
  std::string problems;
  const auto require = [&](bool good, const std::string& what) {
    if (!good) problems += "\n  " + what;
  };
  const auto integers = [&](const std::string& what, const IntegerRange& range, int64_t least) {
    require(range.low >= least && range.high >= range.low, what + " is a range from " + std::to_string(least) +
                                                               " up, received " + std::to_string(range.low) + " .. " +
                                                               std::to_string(range.high) + ".");
  };
  require(!o.data.empty(), "data: at least one data set.");
  integers("batch_size", o.batch_size, 1);
  integers("horizon", o.horizon, 1);
  require(o.initial_scale.low > 0 && o.initial_scale.high >= o.initial_scale.low && std::isfinite(o.initial_scale.high),
          "initial_scale is a range of positive numbers.");
  require(o.loss_exponent >= 0 && o.loss_exponent <= 10, "loss_exponent lies in 0 .. 10.");
  require(o.merge_probability >= 0 && o.merge_probability <= 1, "merge_probability lies in 0 .. 1.");
  require(o.noise_probability >= 0 && o.noise_probability <= 1, "noise_probability lies in 0 .. 1.");
  require(o.noise_max >= 0 && o.noise_max <= 1, "noise_max lies in 0 .. 1.");
  for (const OptionDraw& draw : o.drawn_options) {
    require(draw.choices.empty() != !draw.value.has_value(),
            "'" + draw.name + "' is drawn either from choices or from a range.");
    if (draw.value) integers("'" + draw.name + "'", *draw.value, 1);
    if (draw.count) integers("the count of '" + draw.name + "'", *draw.count, 0);
    require(o.options.count(draw.name) == 0, "'" + draw.name + "' is both given and drawn.");
  }
  if (!problems.empty()) throw Error("task", "The family '" + o.name + "' cannot be sampled:" + problems);
}

void TaskFamily::prepare() {
  const bool fixed = data_.size() == 1 && options_.batch_size.single() &&
                     std::none_of(options_.drawn_options.begin(), options_.drawn_options.end(), varies);
  // One draw in any case: an architecture that refuses its options says so now, not in the middle of a run.
  const std::shared_ptr<const Task> first = draw(Rng(0));
  if (fixed) fixed_ = first;
}

std::shared_ptr<const Task> TaskFamily::task(const Rng& rng) const { return fixed_ ? fixed_ : draw(rng); }

std::shared_ptr<const Task> TaskFamily::draw(const Rng& rng) const {
  const Dataset& data = data_[rng.purpose("data").integer(0, static_cast<int64_t>(data_.size()))];
  std::map<std::string, OptionValue> options = options_.options;
  for (const OptionDraw& one : options_.drawn_options) options[one.name] = draw_option(one, rng.purpose(one.name));
  fill_sizes(options, *architecture_, data);
  const int64_t batch = log_uniform(options_.batch_size, rng.purpose("batch_size").uniform(0));
  return std::make_shared<const Task>(instantiate(architecture_, options), data, batch, at::Device(at::kCPU), dtype_);
}

TaskVariation TaskFamily::variation(const Task& task, const Rng& rng) const {
  const TaskFamilyOptions& o = options_;
  const int64_t classes = task.classes();
  TaskVariation variation;
  variation.initial_scale =
      log_uniform(o.initial_scale.low, o.initial_scale.high, rng.purpose("initial_scale").uniform(0));
  variation.horizon = log_uniform(o.horizon, rng.purpose("horizon").uniform(0));

  const Rng labels = rng.purpose("labels");
  if (o.permute_labels) variation.labels = labels.permutation(classes);
  if (classes > 2 && rng.purpose("merge").uniform(0) < o.merge_probability) {
    if (variation.labels.empty())
      for (int64_t c = 0; c < classes; ++c) variation.labels.push_back(c);
    // A random map onto `groups` classes: the first ones in a random order make sure that each is used.
    const Rng merge = rng.purpose("merge");
    const int64_t groups = 2 + merge.purpose("groups").integer(0, classes - 2);
    const std::vector<int64_t> order = merge.purpose("order").permutation(classes);
    std::vector<int64_t> group(classes);
    for (int64_t c = 0; c < classes; ++c)
      group[order[c]] = c < groups ? c : merge.purpose("group").integer(static_cast<uint64_t>(c), groups);
    for (int64_t& label : variation.labels) label = group[label];
  }
  const Rng noise = rng.purpose("noise");
  if (noise.uniform(0) < o.noise_probability) variation.label_noise = o.noise_max * noise.uniform(1);
  return variation;
}

}  // namespace nfopt
