#include <nfopt/runtime/meta/pair_differences.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

double sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }  // not-a-number stays

}  // namespace

PairDifferences pair_differences(const Window& window, std::optional<double> sign_scalar) {
  const int64_t steps = window.mask.size(0), particles = window.mask.size(1);
  const at::Tensor losses = window.loss.detach().to(at::kDouble);
  const auto loss = losses.accessor<double, 2>();
  const auto mask = window.mask.accessor<double, 2>();
  const auto done = window.done.accessor<bool, 2>();

  PairDifferences d;
  d.before.resize(particles);
  d.after.resize(particles);
  d.mean_loss.resize(particles);
  d.ended.resize(particles);
  for (int64_t i = 0; i < particles; ++i) {
    double weight = 0, difference = 0, positive = 0, negative = 0;
    for (int64_t t = 0; t < steps; ++t) {
      if (done[t][i]) ++d.finished;
      if (mask[t][i] == 0) continue;  // not a product: what is masked may be anything
      weight += mask[t][i];
      positive += loss[t][i] * mask[t][i];
      negative += loss[t][particles + i] * mask[t][i];
      difference += (loss[t][i] - loss[t][particles + i]) * mask[t][i];
    }
    bool ended = false;
    for (int64_t t = 0; t < steps; ++t) {
      ended = ended || done[t][i];
      if (mask[t][i] == 0) continue;
      const double at_step = sign_scalar ? *sign_scalar * sign(difference) : loss[t][i] - loss[t][particles + i];
      (ended ? d.after : d.before)[i] += at_step * mask[t][i];
    }
    d.ended[i] = ended;
    if (weight == 0) continue;
    d.before[i] /= weight;
    d.after[i] /= weight;
    d.mean_loss[i] = 0.5 * (positive / weight + negative / weight);
  }
  return d;
}

bool add_row(at::Tensor& sum, double weight, const at::Tensor& rows, int64_t i) {
  if (!std::isfinite(weight)) return false;
  sum.add_(rows[i], weight);
  return true;
}

}  // namespace nfopt
