#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>

#include <cmath>

namespace nfopt {
namespace {

// Entries along the last axis. at::quantile refuses more than 2^24 entries in all.
at::Tensor quantile_of(const at::Tensor& sorted, double q) {
  const int64_t n = sorted.size(-1);
  const double position = q * static_cast<double>(n - 1);
  const auto below = static_cast<int64_t>(std::floor(position));
  const double weight = position - static_cast<double>(below);
  const at::Tensor low = sorted.select(-1, below);
  return weight == 0 ? low : low + weight * (sorted.select(-1, below + 1) - low);
}

}  // namespace

StatFeaturizerImpl::StatFeaturizerImpl(StatFeaturizerOptions given)
    : options(std::move(given)),
      views_(std::make_shared<const FeatureViews>(required_space(options.space(), "StatFeaturizer"), Fold::none())) {}

void StatFeaturizerImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::StatFeaturizer(outs=" << num_outs() << ")";
}

at::Tensor StatFeaturizerImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> numbers;
  for (const at::Tensor& view : views_->fold(x)) {
    const at::Tensor entries = view.dim() == 3 ? view.unsqueeze(3) : view.flatten(3);
    const at::Tensor sorted = std::get<0>(entries.sort(-1));
    const at::Tensor mean = entries.mean(-1);
    const int64_t n = entries.size(-1);
    numbers.push_back(mean);
    numbers.push_back((entries - mean.unsqueeze(-1)).square().sum(-1) / static_cast<double>(n - 1));
    for (double q : {0.0, 0.25, 0.5, 0.75, 1.0}) numbers.push_back(quantile_of(sorted, q));
  }
  return at::stack(numbers, 3);
}

}  // namespace nfopt
