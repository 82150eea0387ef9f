#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/outer_adam.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace nfopt {
namespace {

void check(const OuterAdamOptions& o) {
  std::string problems;
  const auto require = [&](bool good, const std::string& what, double received) {
    if (!good) problems += "\n  " + what + ", received " + std::to_string(received) + ".";
  };
  require(o.lr > 0, "lr is positive", o.lr);
  require(o.clip_norm >= 0, "clip_norm is 0 (none) or positive", o.clip_norm);
  require(o.beta1 >= 0 && o.beta1 < 1, "beta1 is at least 0 and below 1", o.beta1);
  require(o.beta2 >= 0 && o.beta2 < 1, "beta2 is at least 0 and below 1", o.beta2);
  require(o.eps >= 0 && o.eps_root >= 0 && o.eps + o.eps_root > 0, "eps and eps_root are not negative nor both 0",
          o.eps);
  require(o.warmup_steps >= 0, "warmup_steps is at least 0", static_cast<double>(o.warmup_steps));
  require(o.cosine_steps == 0 || o.cosine_steps > o.warmup_steps, "cosine_steps is 0 or more than warmup_steps",
          static_cast<double>(o.cosine_steps));
  require(o.final_factor >= 0 && o.final_factor <= 1, "final_factor lies in 0 .. 1", o.final_factor);
  if (!problems.empty()) throw Error("meta", "The outer optimizer cannot be built:" + problems);
}

}  // namespace

double outer_learning_rate(const OuterAdamOptions& options, int64_t step) {
  if (step < options.warmup_steps)
    return options.lr * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  if (options.cosine_steps == 0) return options.lr;
  const double done = static_cast<double>(step - options.warmup_steps) /
                      static_cast<double>(options.cosine_steps - options.warmup_steps);
  const double wave = 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(done, 1.0)));
  return options.lr * (options.final_factor + (1.0 - options.final_factor) * wave);
}

OuterAdam::OuterAdam(const OuterAdamOptions& options, int64_t size)
    : options_((check(options), options)), m_(at::zeros({size}, at::kDouble)), v_(at::zeros({size}, at::kDouble)) {}

OuterStep OuterAdam::step(at::Tensor& theta, const at::Tensor& gradient) {
  const int64_t size = m_.numel();
  if (theta.scalar_type() != at::kDouble || !theta.is_contiguous() || theta.numel() != size || gradient.numel() != size)
    throw Error("meta", "the outer optimizer steps " + std::to_string(size) + " float64 entries, received theta of " +
                            std::to_string(theta.numel()) + " and a gradient of " + std::to_string(gradient.numel()) +
                            ".");
  const at::Tensor given = gradient.to(at::kDouble).contiguous();
  const double* g = given.const_data_ptr<double>();
  double *p = theta.data_ptr<double>(), *m = m_.data_ptr<double>(), *v = v_.data_ptr<double>();

  OuterStep done;
  done.learning_rate = outer_learning_rate(options_, steps_);
  double squares = 0;
  for (int64_t i = 0; i < size; ++i) {
    if (std::isfinite(g[i]))
      squares += g[i] * g[i];
    else
      ++done.non_finite;
  }
  done.gradient_norm = std::sqrt(squares);
  const bool clipped = options_.clip_norm > 0 && done.gradient_norm >= options_.clip_norm;

  ++steps_;
  const double correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  for (int64_t i = 0; i < size; ++i) {
    double x = std::isfinite(g[i]) ? g[i] : 0.0;
    if (clipped) x = x / done.gradient_norm * options_.clip_norm;
    m[i] = options_.beta1 * m[i] + (1.0 - options_.beta1) * x;
    v[i] = options_.beta2 * v[i] + (1.0 - options_.beta2) * x * x;
    p[i] -=
        done.learning_rate * (m[i] / correction1) / (std::sqrt(v[i] / correction2 + options_.eps_root) + options_.eps);
  }
  return done;
}

NamedTensors OuterAdam::state() const {
  NamedTensors state;
  state.add("m", m_.clone());
  state.add("v", v_.clone());
  state.add("steps", at::tensor({steps_}, at::kLong));
  return state;
}

void OuterAdam::load_state(const NamedTensors& state) {
  for (const char* name : {"m", "v"})
    if (state.at(name).sizes() != m_.sizes())
      throw Error("meta", std::string("the outer optimizer's '") + name + "' has " +
                              std::to_string(state.at(name).numel()) + " entries, expected " +
                              std::to_string(m_.numel()) + ". The checkpoint is of another rule or task.");
  m_.copy_(state.at("m"));
  v_.copy_(state.at("v"));
  steps_ = state.at("steps").item<int64_t>();
}

}  // namespace nfopt
