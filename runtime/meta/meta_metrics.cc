#include <nfopt/runtime/meta/meta_metrics.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

constexpr double kEmptyCell = std::numeric_limits<double>::quiet_NaN();

// TensorBoard groups by what stands before the slash.
std::string tag_of(const std::string& column) {
  const std::string evaluation = "evaluation_";
  if (column.starts_with(evaluation)) return "evaluation/" + column.substr(evaluation.size());
  return "meta/" + column;
}

}  // namespace

std::vector<std::string> meta_metrics_columns(const MetaTrainConfig& config) {
  std::vector<std::string> columns = {"meta_loss", "gradient_norm", "learning_rate",   "inner_steps",    "finished",
                                      "diverged",  "dropped",       "evaluation_mean", "evaluation_last"};
  if (config.evaluation_families.size() > 1)
    for (const TaskFamilyOptions& family : config.evaluation_families) {
      columns.push_back("evaluation_mean." + family.name);
      columns.push_back("evaluation_last." + family.name);
    }
  return columns;
}

void MetaMetrics::open(const std::filesystem::path& folder, int64_t last_step) {
  folder_ = folder;
  log_.emplace(folder, meta_metrics_columns(*config_), last_step);
  if (last_step >= 0) events_from_ = last_step + 1;
}

void MetaMetrics::add(const MetaGradient& gradient, const OuterStep& outer) {
  sums_.loss += gradient.loss;
  sums_.gradient_norm += outer.gradient_norm;
  sums_.steps += 1;
  sums_.finished += static_cast<double>(gradient.finished);
  sums_.diverged += static_cast<double>(gradient.diverged);
  sums_.dropped += static_cast<double>(gradient.dropped);
  learning_rate_ = outer.learning_rate;
}

void MetaMetrics::write(int64_t step, int64_t inner_steps, const MetaEvaluation* evaluation, double speed) {
  const bool any = sums_.steps > 0;
  if (any) loss_ = sums_.loss / sums_.steps;
  MetricsRow row{step,
                 {any ? loss_ : kEmptyCell, any ? sums_.gradient_norm / sums_.steps : kEmptyCell,
                  any ? learning_rate_ : kEmptyCell, static_cast<double>(inner_steps), sums_.finished, sums_.diverged,
                  sums_.dropped, evaluation != nullptr ? evaluation->mean() : kEmptyCell,
                  evaluation != nullptr ? evaluation->last() : kEmptyCell}};
  sums_ = {};
  if (!log_) return;
  const auto families = static_cast<int64_t>(config_->evaluation_families.size());
  for (int64_t family = 0; family < families && families > 1; ++family) {
    row.values.push_back(evaluation != nullptr ? evaluation->mean(family) : kEmptyCell);
    row.values.push_back(evaluation != nullptr ? evaluation->last(family) : kEmptyCell);
  }
  log_->write(row);

  if (!events_) events_.emplace(folder_, events_from_);
  std::vector<std::pair<std::string, double>> scalars;
  for (size_t i = 0; i < row.values.size(); ++i)
    if (!std::isnan(row.values[i])) scalars.emplace_back(tag_of(log_->columns()[i]), row.values[i]);
  if (!std::isnan(speed)) scalars.emplace_back("time/inner_steps_per_second", speed);
  events_->write(step, scalars);
}

void MetaMetrics::sync() {
  if (log_) log_->sync();
  if (events_) events_->sync();
}

at::Tensor MetaMetrics::state() const {
  return at::tensor({sums_.loss, sums_.gradient_norm, sums_.steps, sums_.finished, sums_.diverged, sums_.dropped,
                     learning_rate_, loss_},
                    at::kDouble);
}

void MetaMetrics::load_state(const at::Tensor& state) {
  const double* v = state.const_data_ptr<double>();
  sums_ = {v[0], v[1], v[2], v[3], v[4], v[5]};
  learning_rate_ = v[6];
  loss_ = v[7];
}

}  // namespace nfopt
