#include <nfopt/runtime/optimizers/momenta.h>
#include <nfopt/runtime/optimizers/step_form.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

/// The exponential step of outputs d, a beside a hand-made optimizer that outputs q, w control (NominalDescription).
class NominalStep final : public Step {
 public:
  NominalStep(const StepDescription& step, const FeatureDescription& features,
              std::shared_ptr<const ParameterLayout> layout)
      : step_(step),
        nominal_(*step.nominal),
        rms_epsilon_(features.adafactor->rms_epsilon),
        layout_(std::move(layout)) {}

  at::Tensor update(std::span<const at::Tensor>, const StepInput& in, NamedTensors& state) const override {
    const at::Tensor r = inverse_rms(state.at("rms").squeeze(1), rms_epsilon_);
    at::Tensor magnitude = in.f.select(1, 1);
    if (nominal_.mean_magnitude) magnitude = tensor_means(magnitude);
    at::Tensor u = in.f.select(1, 0) * (magnitude * step_.exp_mult).exp() * step_.step_mult;
    if (nominal_.scaled_by_rms) u = u * r;
    if (nominal_.scaled_by_gradient) u = u * tensor_means(in.g);
    if (nominal_.step != 0) u = u + step_size(in.f) * gradient(in, r);
    if (nominal_.weight_decay != 0) u = u + decay(in.f) * in.p;
    return u;
  }

 private:
  /// x [P, N] with the mean over its parameter tensor at every element.
  at::Tensor tensor_means(const at::Tensor& x) const {
    std::vector<at::Tensor> parts = layout_->split(x);
    for (at::Tensor& part : parts) part = part.mean(1, /*keepdim=*/true).expand_as(part);
    return at::cat(parts, 1);
  }

  at::Tensor step_size(const at::Tensor& f) const {
    if (!nominal_.controls_step) return at::full({}, nominal_.step * std::exp(nominal_.step_exp), f.options());
    at::Tensor q = f.select(1, 2);
    if (nominal_.mean_step_control) q = tensor_means(q);
    return (q * nominal_.step_exp).exp() * nominal_.step;
  }

  at::Tensor decay(const at::Tensor& f) const {
    if (!nominal_.controls_decay) return at::full({}, nominal_.weight_decay, f.options());
    return (f.select(1, 3) * nominal_.decay_exp).exp() * nominal_.weight_decay;
  }

  at::Tensor gradient(const StepInput& in, const at::Tensor& r) const {
    const auto last = [&] { return in.momenta.select(1, -1); };
    const auto mean = [&] { return in.momenta.mean(1); };
    switch (nominal_.gradient) {
      case NominalGradient::gradient:
        break;
      case NominalGradient::momentum:
        return last();
      case NominalGradient::mean_momentum:
        return mean();
      case NominalGradient::scaled_momentum:
        return last() * r;
      case NominalGradient::mean_scaled_momentum:
        return mean() * r;
    }
    return in.g;
  }

  StepDescription step_;
  NominalDescription nominal_;
  double rms_epsilon_;
  std::shared_ptr<const ParameterLayout> layout_;
};

}  // namespace

std::unique_ptr<Step> nominal_step(const StepDescription& step, const FeatureDescription& features,
                                   std::shared_ptr<const ParameterLayout> layout) {
  return std::make_unique<NominalStep>(step, features, std::move(layout));
}

}  // namespace nfopt
