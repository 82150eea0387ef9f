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

FeatureBuilder::FeatureBuilder(FeatureDescription description, const WeightSpace& space,
                               std::shared_ptr<const ParameterLayout> layout)
    : description_(std::move(description)), layout_(std::move(layout)) {
  if (description_.adafactor) factored_.emplace(*description_.adafactor, space, layout_);
}

std::vector<std::pair<std::string, std::vector<int64_t>>> FeatureBuilder::theta_shapes() const {
  if (!factored_ || !description_.adafactor->learned_decays) return {};
  const auto count = [](const std::vector<double>& decays) {
    return std::vector<int64_t>{static_cast<int64_t>(decays.size())};
  };
  return {{"momentum_decays", count(description_.momentum_decays)},
          {"rms_decays", {1}},
          {"adafactor_decays", count(description_.adafactor->decays)}};
}

std::vector<at::Tensor> FeatureBuilder::initial_theta() const {
  std::vector<at::Tensor> theta;
  for (const auto& [name, shape] : theta_shapes()) theta.push_back(at::zeros({1, shape.front()}, at::kDouble));
  return theta;
}

bool FeatureBuilder::has(FeatureInput input) const {
  return std::find(description_.inputs.begin(), description_.inputs.end(), input) != description_.inputs.end();
}

void FeatureBuilder::add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const {
  const auto decays = static_cast<int64_t>(description_.momentum_decays.size());
  state.add("momenta", at::zeros({members, decays, layout_->total()}, options));
  if (has(FeatureInput::normalized_momenta) || factored_)
    state.add("rms", at::zeros({members, 1, layout_->total()}, options));
  if (factored_) factored_->add_state(state, members, options);
}

void FeatureBuilder::advance(std::span<const at::Tensor> theta, const NamedTensors& old, const at::Tensor& g,
                             NamedTensors& state) const {
  const auto weights = [&](const std::vector<double>& decays, size_t learned) {
    return one_minus_decays(decays, theta.empty() ? at::Tensor() : theta[learned], g);
  };
  state.add("momenta", decayed_averages(old.at("momenta"), g, weights(description_.momentum_decays, 0)));
  // A learned decay may fall below 0: momenta follow it, second moments stop there.
  if (has(FeatureInput::normalized_momenta) || factored_)
    state.add("rms", decayed_averages(old.at("rms"), g.square(), weights({description_.rms_decay}, 1).clamp_max(1)));
  if (factored_) factored_->advance(old, g, weights(description_.adafactor->decays, 2).clamp_max(1), state);
}

int64_t FeatureBuilder::state_rows(std::string_view name) const {
  if (name == "momenta") return static_cast<int64_t>(description_.momentum_decays.size());
  if (factored_ && !factored_->numels(name).empty()) return static_cast<int64_t>(description_.adafactor->decays.size());
  return 1;
}

const std::vector<int64_t>& FeatureBuilder::state_numels(std::string_view name) const {
  if (factored_ && !factored_->numels(name).empty()) return factored_->numels(name);
  return layout_->numels();
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
  FactoredMoments::Seen factored;
  at::Tensor v, r;
  if (factored_) {
    factored = factored_->seen(state);
    v = state.at("rms");
    r = inverse_rms(v, description_.adafactor->rms_epsilon);
  }
  const auto inverse_root = [&](const at::Tensor& x) { return inverse_rms(x, description_.adafactor->root_epsilon); };
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
      case FeatureInput::rms:
        inputs.push_back(v);
        break;
      case FeatureInput::inverse_rms:
        inputs.push_back(r);
        break;
      case FeatureInput::scaled_momenta:
        inputs.push_back(state.at("momenta") * r);
        break;
      case FeatureInput::factored_gradient:
        inputs.push_back(g.unsqueeze(1) * factored.gradient_scale);
        break;
      case FeatureInput::factored_momenta:
        inputs.push_back(state.at("momenta") * factored.momentum_scale);
        break;
      case FeatureInput::rows:
        inputs.push_back(factored.rows);
        break;
      case FeatureInput::columns:
        inputs.push_back(factored.columns);
        break;
      case FeatureInput::inverse_rows:
        inputs.push_back(inverse_root(factored.rows));
        break;
      case FeatureInput::inverse_columns:
        inputs.push_back(inverse_root(factored.columns));
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
