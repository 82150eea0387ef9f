#include <nfopt/runtime/meta/inner_curves.h>
#include <nfopt/runtime/meta/meta_evaluation.h>
#include <nfopt/runtime/meta/tensor_bytes.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

constexpr int64_t kPoints = MetaEvaluation::kPoints;
constexpr int64_t kColumns = kPoints + 3;

// One row: the curve at kPoints shares of its length, its mean, its mean at the end, its weighted mean.
void fill_row(double* row, const TaskFamily& family, const InnerCurves& curves, size_t task) {
  const at::Tensor loss = curves.loss[task].contiguous();
  const double* values = loss.const_data_ptr<double>();
  const int64_t steps = loss.numel();
  const double unit = curves.bound[task] / 1.5;  // the bound is 1.5 ln(outputs)
  for (int64_t k = 0; k < kPoints; ++k) {
    const int64_t begin = k * steps / kPoints;
    const int64_t end = std::max(begin + 1, (k + 1) * steps / kPoints);
    double sum = 0;
    for (int64_t t = begin; t < end; ++t) sum += values[t];
    row[k] = sum / static_cast<double>(end - begin) / unit;
  }
  row[kPoints] = curves.mean[task] / unit;
  row[kPoints + 1] = curves.last[task] / unit;
  if (family.options().loss_exponent == 0) {
    row[kPoints + 2] = row[kPoints];
    return;
  }
  double weighted = 0;
  for (int64_t t = 0; t < steps; ++t) weighted += values[t] * family.loss_weight(t, steps);
  row[kPoints + 2] = weighted / static_cast<double>(steps) / unit;
}

double over_families(const at::Tensor& values, int64_t column) {
  double sum = 0;
  for (int64_t family = 0; family < values.size(0); ++family) sum += values[family][column].item<double>();
  return sum / static_cast<double>(values.size(0));
}

}  // namespace

std::vector<double> MetaEvaluation::curve(int64_t family) const {
  const at::Tensor row = values[family].contiguous();
  return {row.const_data_ptr<double>(), row.const_data_ptr<double>() + kPoints};
}
double MetaEvaluation::mean(int64_t family) const { return values[family][kPoints].item<double>(); }
double MetaEvaluation::last(int64_t family) const { return values[family][kPoints + 1].item<double>(); }
double MetaEvaluation::mean() const { return over_families(values, kPoints); }
double MetaEvaluation::last() const { return over_families(values, kPoints + 1); }
double MetaEvaluation::score() const { return over_families(values, kPoints + 2); }

MetaEvaluator::MetaEvaluator(std::vector<std::shared_ptr<const TaskFamily>> families, RuleFactory rules,
                             const Options& options)
    : families_(std::move(families)), rules_(std::move(rules)), options_(options) {}

MetaEvaluation MetaEvaluator::evaluate(const at::Tensor& theta, Communicator& communicator,
                                       int64_t& inner_steps) const {
  const RankShare share = share_of(options_.tasks, communicator.rank(), communicator.size());
  const auto families = static_cast<int64_t>(families_.size());
  at::Tensor own = at::zeros({families, share.end - share.begin, kColumns}, at::kDouble);
  at::Tensor steps = at::zeros({1}, at::kLong);
  for (int64_t family = 0; family < families && share.end > share.begin; ++family) {
    InnerCurveOptions options;
    options.seed = options_.seed;
    options.tasks = share.end - share.begin;
    options.steps = options_.steps;
    options.first = share.begin;
    const TaskFamily& sampled = *families_[static_cast<size_t>(family)];
    const InnerCurves curves = inner_curves(sampled, rules_, theta, options);
    for (int64_t task = 0; task < options.tasks; ++task)
      fill_row(own[family][task].mutable_data_ptr<double>(), sampled, curves, static_cast<size_t>(task));
    steps += curves.member_steps;
  }

  NamedTensors mine;
  mine.add("values", own);
  mine.add("steps", steps);
  std::vector<at::Tensor> shares;
  for (const std::string& payload : communicator.all_gather(to_bytes(mine))) {
    const NamedTensors theirs = tensors_from_bytes(payload);
    shares.push_back(theirs.at("values"));
    inner_steps += theirs.at("steps").item<int64_t>();
  }
  const at::Tensor all = at::cat(shares, 1);  // [F, tasks, kColumns], tasks in order
  MetaEvaluation evaluation;
  evaluation.values = at::zeros({families, kColumns}, at::kDouble);
  for (int64_t task = 0; task < options_.tasks; ++task) evaluation.values += all.select(1, task);
  evaluation.values /= static_cast<double>(options_.tasks);
  return evaluation;
}

}  // namespace nfopt
