#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/optimizers/average_meta_parameters.h>
#include <nfopt/runtime/optimizers/rule_description.h>
#include <torch/types.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using AveragedJson = nlohmann::ordered_json;

/// Empty: none.
std::string problem_of(const WeightedMetaParameters& entry, const MetaParameters& first) {
  if (!(entry.weight > 0) || !std::isfinite(entry.weight))
    return "expected a positive weight, received " + shortest(entry.weight);
  if (to_json(entry.meta.rule) != to_json(first.rule))
    return "expected the rule of the first, '" + first.rule.name + "', with all of its constants, received '" +
           entry.meta.rule.name + "'" + (entry.meta.rule.name == first.rule.name ? " with others" : "");
  if (entry.meta.licence != first.licence)
    return "expected the licence of the first, '" + first.licence + "', received '" + entry.meta.licence + "'";
  for (const auto& [name, tensor] : first.theta) {
    const at::Tensor* own = entry.meta.theta.find(name);
    if (own == nullptr || own->sizes() != tensor.sizes()) return "'" + name + "' has another shape than in the first";
  }
  return "";
}

AveragedJson record_of(const std::string& training) {
  AveragedJson record = AveragedJson::parse(training, nullptr, false);
  return record.is_discarded() ? AveragedJson(training) : record;
}

}  // namespace

MetaParameters average(const std::vector<WeightedMetaParameters>& entries) {
  if (entries.size() < 2)
    throw Error("theta", "expected at least two sets of meta-parameters to average, received " +
                             std::to_string(entries.size()) + ".");
  const MetaParameters& first = entries.front().meta;
  std::string problems;
  for (const WeightedMetaParameters& entry : entries)
    if (const std::string problem = problem_of(entry, first); !problem.empty())
      problems += "\n  '" + entry.name + "': " + problem;
  if (!problems.empty()) throw Error("theta", "these meta-parameters have no average:" + problems);

  double total = 0;
  for (const WeightedMetaParameters& entry : entries) total += entry.weight;
  MetaParameters mean;
  mean.rule = first.rule;
  mean.space = first.space;
  mean.licence = first.licence;
  for (const auto& [name, tensor] : first.theta) {
    at::Tensor sum = at::zeros(tensor.sizes(), at::kDouble);
    for (const WeightedMetaParameters& entry : entries)
      sum.add_(entry.meta.theta.at(name).to(at::kCPU, at::kDouble), entry.weight / total);
    mean.theta.add(name, sum.to(tensor.scalar_type()));
  }
  AveragedJson list = AveragedJson::array();
  for (const WeightedMetaParameters& entry : entries)
    list.push_back(
        {{"name", entry.name}, {"weight", entry.weight / total}, {"training", record_of(entry.meta.training)}});
  mean.training = AveragedJson{{"mean_of", std::move(list)}}.dump();
  return mean;
}

}  // namespace nfopt
