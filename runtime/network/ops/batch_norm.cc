#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/batch_norm.h>
#include <nfopt/runtime/network/ops/member_channels.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {
namespace {

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& mean,
           const at::Tensor& variance) {
  bool fits = x.dim() >= 3 && weight.dim() == 2 && x.size(0) == weight.size(0) && x.size(2) == weight.size(1);
  for (const at::Tensor& other : {bias, mean, variance}) fits = fits && other.sizes() == weight.sizes();
  if (fits) return;
  throw Error(
      "network",
      "batch_norm expects x [P, B, C, axes..] and [P, C] for all others; received " +
          shape_text(
              {{"x", x}, {"weight", weight}, {"bias", bias}, {"running mean", mean}, {"running variance", variance}}) +
          ".");
}

at::Tensor normalized(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& mean,
                      const at::Tensor& variance, bool training, const BatchNormOptions& options) {
  const int64_t members = weight.size(0);
  return channels_to_members(
      at::batch_norm(members_to_channels(x, members), weight.flatten(), bias.flatten(), mean, variance, training,
                     options.momentum, options.epsilon, /*cudnn_enabled=*/true),
      members);
}

// One line of [P * C] numbers to write to: the statistic itself, or its copy when members share memory.
at::Tensor writable_line(const at::Tensor& statistic) { return statistic.detach().contiguous().view(-1); }

}  // namespace

at::Tensor batch_norm_in_training(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                  const RunningStatistics& running, const BatchNormOptions& options) {
  check(x, weight, bias, running.mean, running.variance);
  if (x.numel() == x.size(0) * x.size(2)) {
    throw Error("network", "batch_norm needs more than one value per channel in training: received " +
                               shape_text({{"x", x}}) + ". Use a larger batch, or group normalisation.");
  }
  const at::Tensor mean = writable_line(running.mean), variance = writable_line(running.variance);
  const at::Tensor y = normalized(x, weight, bias, mean, variance, true, options);
  if (!mean.is_alias_of(running.mean)) running.mean = mean.view(weight.sizes());
  if (!variance.is_alias_of(running.variance)) running.variance = variance.view(weight.sizes());
  const at::Tensor steps = writable_line(running.steps);
  steps.add_(1);
  if (!steps.is_alias_of(running.steps)) running.steps = steps;
  return y;
}

at::Tensor batch_norm_in_evaluation(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                    const at::Tensor& running_mean, const at::Tensor& running_variance,
                                    double epsilon) {
  check(x, weight, bias, running_mean, running_variance);
  return normalized(x, weight, bias, running_mean.detach().flatten(), running_variance.detach().flatten(), false,
                    {.epsilon = epsilon});
}

}  // namespace nfopt::ops
