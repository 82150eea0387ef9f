#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/clipped_momentum_start.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nfopt {
namespace {

constexpr int64_t kGradient = 1;  // channel: p, g, momenta, time

// Units of the first hidden layer: relu(x + c), relu(x - c), relu(c); of the later ones: clip(x, -c, c) + c and c.
constexpr int64_t kAbove = 0, kBelow = 1, kBound = 2;
constexpr int64_t kShifted = 0, kShift = 1;

void check_fit(const RuleDescription& rule, const ClippedMomentumStart& options) {
  std::string problems;
  const auto require = [&](bool fits, const std::string& what) {
    if (!fits) problems += "\n  " + what;
  };
  const auto& layers = rule.network.layers;
  const auto& decays = rule.features.momentum_decays;
  require(!rule.context, "the rule is assembled from layers");
  require(rule.features.inputs ==
              std::vector<FeatureInput>{FeatureInput::parameter, FeatureInput::gradient, FeatureInput::momenta},
          "its features are p, g and momenta");
  require(std::find(decays.begin(), decays.end(), options.decay) != decays.end(),
          "one of its momenta has the decay " + std::to_string(options.decay));
  require(rule.features.time_scales.size() >= 3, "its features hold time");
  require(rule.features.normalization == Normalization::tensor_rms, "its features are scaled by one number per tensor");
  require(layers.size() >= 3, "it has three layers or more");
  for (size_t i = 0; i + 1 < layers.size(); ++i)
    require(
        layers[i].type == LayerType::dense && layers[i].relu && layers[i].c_out >= 3 && !layers[i].position_embedding,
        "layer " + std::to_string(i) + " is dense with three units or more, and max(0, x) follows");
  if (!layers.empty())
    require((layers.back().type == LayerType::dense || layers.back().type == LayerType::unf) &&
                layers.back().c_out == 1 && !layers.back().relu,
            "its last layer is dense or unf, with one output");
  require(rule.step.form == StepForm::learnable_residual, "its step is learnable_residual");
  for (const double value : {options.rate, options.sharpness, options.gain, options.nominal})
    require(value > 0 && std::isfinite(value), "rate, sharpness, gain and nominal are positive");
  require(options.horizon > 0, "the horizon is positive");
  require(options.gradient >= 0 && options.gradient <= 1, "gradient is a share in 0 .. 1");
  if (!problems.empty())
    throw Error("rule", "'" + rule.name + "' cannot start as clipped momentum. That needs:" + problems);
}

/// The bound c(t) as weights of the time features and a constant, [K + 1]: least squares over the horizon and a tenth more
/// (fitted to the horizon alone it would rise right after it), a little above the cosine so that it stays positive.
at::Tensor cosine_bound(const std::vector<double>& scales, int64_t horizon) {
  constexpr double kRidge = 1e-5, kMargin = 0.015;
  const auto columns = static_cast<int64_t>(scales.size()) + 1;
  const int64_t steps = horizon + horizon / 10;
  at::Tensor features = at::ones({steps, columns}, at::kDouble), bound = at::empty({steps, 1}, at::kDouble);
  auto x = features.accessor<double, 2>();
  auto y = bound.accessor<double, 2>();
  for (int64_t t = 0; t < steps; ++t) {
    const auto step = static_cast<double>(t);
    for (size_t k = 0; k < scales.size(); ++k) x[t][static_cast<int64_t>(k)] = std::tanh(step / scales[k] - 1);
    const double progress = std::min(1.0, step / static_cast<double>(horizon));
    y[t][0] = 0.5 * (1 + std::cos(std::numbers::pi * progress)) + kMargin;
  }
  const at::Tensor moments = at::matmul(features.t(), features) / static_cast<double>(steps);
  const at::Tensor targets = at::matmul(features.t(), bound) / static_cast<double>(steps);
  return at::linalg_solve(moments + kRidge * at::eye(columns, at::kDouble), targets).squeeze(1);
}

/// The entries of the last layer through which every tensor's element sees itself: weights of one hidden channel.
class SelfWeights {
 public:
  SelfWeights(const LearnedRule& rule, NamedTensors& theta, const std::string& layer) {
    const RuleDescription& description = rule.description();
    if (description.network.layers.back().type == LayerType::dense) {
      weights_.push_back({theta.at(layer + "w"), 0, 0});
      return;
    }
    const Plan plan = build_plan(*rule.space(), description.network.fold);
    std::vector<int64_t> row(plan.views.size(), 0);
    for (const Term& term : plan.terms) {
      const auto view = static_cast<size_t>(term.out_view);
      const int64_t folded = plan.views[static_cast<size_t>(term.in_view)].folded_size;
      if (copies_view(plan, term))
        for (int64_t f = 0; f < folded; ++f)
          weights_.push_back({theta.at(layer + "theta." + plan.views[view].name), row[view] + f, f});
      row[view] += folded;
    }
  }
  void set(int64_t channel, double value) {
    for (const Weight& w : weights_) {
      const at::Tensor rows = w.stored.dim() == 4 ? w.stored[0][w.row] : w.stored[0];  // [C_in, C_out * F]
      rows[channel][w.column].fill_(value);
    }
  }

 private:
  struct Weight {
    at::Tensor stored;  ///< [1, rows, C_in, F] of a unf layer, [1, C_in, 1] of a dense one
    int64_t row;
    int64_t column;
  };
  std::vector<Weight> weights_;
};

}  // namespace

NamedTensors clipped_momentum_start(const LearnedRule& rule, const NamedTensors& published,
                                    const ClippedMomentumStart& options) {
  const RuleDescription& description = rule.description();
  check_fit(description, options);
  NamedTensors theta;
  for (const auto& [name, tensor] : published) theta.add(name, tensor.to(at::kDouble).clone());
  const auto layer = [](size_t k) { return "L" + std::to_string(k) + "."; };
  const double gain = options.gain;

  const auto& decays = description.features.momentum_decays;
  const int64_t momentum = 2 + (std::find(decays.begin(), decays.end(), options.decay) - decays.begin());
  const at::Tensor bound = cosine_bound(description.features.time_scales, options.horizon);
  const at::Tensor first = theta.at(layer(0) + "w")[0], first_bias = theta.at(layer(0) + "b")[0];
  const int64_t times = bound.numel() - 1, channels = description.features.channels();
  const auto set_unit = [&](int64_t unit, double of_direction, double of_bound) {
    const at::Tensor weights = first.select(1, unit);
    weights.zero_();
    weights[momentum].fill_(gain * of_direction * (1 - options.gradient));
    weights[kGradient].fill_(gain * of_direction * options.gradient);
    weights.narrow(0, channels, times).copy_(gain * of_bound * bound.narrow(0, 0, times));
    first_bias[unit].fill_(gain * of_bound * bound[times].item<double>());
  };
  set_unit(kAbove, options.sharpness, 1);
  set_unit(kBelow, options.sharpness, -1);
  set_unit(kBound, 0, 1);

  const size_t last = description.network.layers.size() - 1;
  for (size_t k = 1; k < last; ++k) {
    const at::Tensor weight = theta.at(layer(k) + "w")[0], bias = theta.at(layer(k) + "b")[0];
    for (const int64_t unit : {kShifted, kShift}) {
      weight.select(1, unit).zero_();
      bias[unit].zero_();
    }
    if (k == 1) {
      weight[kAbove][kShifted].fill_(gain);
      weight[kBelow][kShifted].fill_(-gain);
      weight[kBound][kShift].fill_(gain);
    } else {
      weight[kShifted][kShifted].fill_(gain);
      weight[kShift][kShift].fill_(gain);
    }
  }

  for (auto& [name, tensor] : theta)
    if (name.starts_with(layer(last))) tensor.zero_();
  SelfWeights self(rule, theta, layer(last));
  self.set(kShifted, gain);
  self.set(kShift, -gain);

  const double size = std::pow(gain, static_cast<double>(last + 1));
  theta.at("step_mult").fill_(std::log(options.nominal));
  theta.at("out_mult").fill_(std::log(options.rate / (options.nominal * size)));
  return theta;
}

}  // namespace nfopt
