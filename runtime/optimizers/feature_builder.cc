#include <nfopt/runtime/optimizers/feature_builder.h>
#include <nfopt/runtime/optimizers/momenta.h>
#include <nfopt/runtime/optimizers/normalization.h>
#include <nfopt/runtime/optimizers/time_features.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {

at::Tensor Features::joined() const {
  if (!constant.defined() || constant.numel() == 0) return channels;
  return at::cat({channels, constant.unsqueeze(2).expand({channels.size(0), -1, channels.size(2)})}, 1);
}

FeatureBuilder::FeatureBuilder(FeatureDescription description, std::shared_ptr<const ParameterLayout> layout)
    : description_(std::move(description)), layout_(std::move(layout)) {}

bool FeatureBuilder::has(FeatureInput input) const {
  return std::find(description_.inputs.begin(), description_.inputs.end(), input) != description_.inputs.end();
}

void FeatureBuilder::add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const {
  const auto decays = static_cast<int64_t>(description_.momentum_decays.size());
  state.add("momenta", at::zeros({members, decays, layout_->total()}, options));
  if (has(FeatureInput::normalized_momenta)) state.add("rms", at::zeros({members, 1, layout_->total()}, options));
}

void FeatureBuilder::advance(const NamedTensors& old, const at::Tensor& g, NamedTensors& state) const {
  state.add("momenta", decayed_averages(old.at("momenta"), g, description_.momentum_decays));
  if (has(FeatureInput::normalized_momenta))
    state.add("rms", decayed_averages(old.at("rms"), g.square(), {description_.rms_decay}));
}

at::Tensor FeatureBuilder::normalized_momenta(const NamedTensors& state, const std::vector<int64_t>& steps) const {
  if (!has(FeatureInput::normalized_momenta)) return {};
  std::vector<int64_t> updates;
  for (const int64_t step : steps) updates.push_back(step + 1);
  return normalized_averages(state.at("momenta"), description_.momentum_decays, state.at("rms"), description_.rms_decay,
                             description_.rms_floor, updates);
}

Features FeatureBuilder::build(const at::Tensor& p, const at::Tensor& g, const NamedTensors& state,
                               const at::Tensor& normalized_momenta, const std::vector<int64_t>& steps,
                               FeatureStages* stages) const {
  std::vector<at::Tensor> inputs;
  for (const FeatureInput input : description_.inputs) {
    switch (input) {
      case FeatureInput::parameter:
        inputs.push_back(p.unsqueeze(1));
        break;
      case FeatureInput::gradient:
        inputs.push_back(g.unsqueeze(1));
        break;
      case FeatureInput::momenta:
        inputs.push_back(state.at("momenta"));
        break;
      case FeatureInput::normalized_momenta:
        inputs.push_back(normalized_momenta);
        break;
    }
  }
  const at::Tensor raw = at::cat(inputs, 1);
  const at::Tensor clipped = std::isinf(description_.clip) ? raw : raw.clamp(-description_.clip, description_.clip);
  Features features;
  features.channels = normalize(clipped, *layout_, description_.normalization, description_.epsilon);
  features.constant = time_features(steps, description_.time_scales, raw);
  // A channel that is constant over a tensor has mean itself and deviation 0.
  if (description_.normalization == Normalization::standardized) features.constant = at::zeros_like(features.constant);
  if (stages != nullptr) *stages = {raw, clipped, features.channels};
  return features;
}

}  // namespace nfopt
