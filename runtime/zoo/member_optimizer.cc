#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/zoo/member_optimizer.h>
#include <torch/types.h>

#include <cmath>
#include <utility>

namespace nfopt {
namespace {

constexpr double kEpsilon = 1e-8;

std::vector<at::Tensor> zeros_like(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> zeros;
  for (const at::Tensor& tensor : tensors) zeros.push_back(at::zeros_like(tensor));
  return zeros;
}

/// What the optimizers have in common; each says its direction u.
class RatedOptimizer : public MemberOptimizer {
 public:
  RatedOptimizer(const std::vector<at::Tensor>& parameters, const std::vector<double>& rates,
                 const std::vector<double>& decays) {
    std::vector<double> kept;
    for (size_t m = 0; m < rates.size(); ++m) kept.push_back(1.0 - rates[m] * decays[m]);
    for (const at::Tensor& parameter : parameters) {
      std::vector<int64_t> shape(static_cast<size_t>(parameter.dim()), 1);
      shape[0] = parameter.size(0);
      rates_.push_back(at::tensor(rates, at::kDouble).to(parameter.scalar_type()).reshape(shape));
      kept_.push_back(at::tensor(kept, at::kDouble).to(parameter.scalar_type()).reshape(shape));
    }
  }

  void step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients) override {
    const at::NoGradGuard no_grad;
    ++steps_;
    for (size_t i = 0; i < parameters.size(); ++i) {
      at::Tensor parameter = parameters[i];
      const at::Tensor u = direction(i, gradients[i]);
      parameter.mul_(kept_[i]).addcmul_(rates_[i], u, -1);
    }
  }

 protected:
  virtual at::Tensor direction(size_t i, const at::Tensor& gradient) = 0;
  int64_t steps_ = 0;  ///< t of the step in progress, from 1

 private:
  std::vector<at::Tensor> rates_, kept_;  ///< [P, 1..] for each parameter; kept = 1 - rate * decay
};

class Sgd final : public RatedOptimizer {
 public:
  using RatedOptimizer::RatedOptimizer;

 protected:
  at::Tensor direction(size_t, const at::Tensor& gradient) override { return gradient; }
};

class Sgdm final : public RatedOptimizer {
 public:
  Sgdm(const std::vector<at::Tensor>& parameters, const std::vector<double>& rates, const std::vector<double>& decays)
      : RatedOptimizer(parameters, rates, decays), momentum_(zeros_like(parameters)) {}

 protected:
  at::Tensor direction(size_t i, const at::Tensor& gradient) override { return momentum_[i].mul_(0.9).add_(gradient); }

 private:
  std::vector<at::Tensor> momentum_;
};

class RmsProp final : public RatedOptimizer {
 public:
  RmsProp(const std::vector<at::Tensor>& parameters, const std::vector<double>& rates,
          const std::vector<double>& decays)
      : RatedOptimizer(parameters, rates, decays), square_(zeros_like(parameters)) {}

 protected:
  at::Tensor direction(size_t i, const at::Tensor& gradient) override {
    square_[i].mul_(0.99).addcmul_(gradient, gradient, 1 - 0.99);
    return gradient / square_[i].sqrt().add_(kEpsilon);
  }

 private:
  std::vector<at::Tensor> square_;
};

class Adam final : public RatedOptimizer {
 public:
  Adam(const std::vector<at::Tensor>& parameters, const std::vector<double>& rates, const std::vector<double>& decays)
      : RatedOptimizer(parameters, rates, decays), momentum_(zeros_like(parameters)), square_(zeros_like(parameters)) {}

 protected:
  at::Tensor direction(size_t i, const at::Tensor& gradient) override {
    const double t = static_cast<double>(steps_);
    momentum_[i].mul_(0.9).add_(gradient, 1 - 0.9);
    square_[i].mul_(0.999).addcmul_(gradient, gradient, 1 - 0.999);
    const at::Tensor scale = square_[i].sqrt().div_(std::sqrt(1 - std::pow(0.999, t))).add_(kEpsilon);
    return momentum_[i].div(scale).div_(1 - std::pow(0.9, t));
  }

 private:
  std::vector<at::Tensor> momentum_, square_;
};

template <class Optimizer>
std::unique_ptr<MemberOptimizer> make(const std::vector<at::Tensor>& parameters, const std::vector<double>& rates,
                                      const std::vector<double>& decays) {
  return std::make_unique<Optimizer>(parameters, rates, decays);
}

using Make = std::unique_ptr<MemberOptimizer> (*)(const std::vector<at::Tensor>&, const std::vector<double>&,
                                                  const std::vector<double>&);
const std::pair<const char*, Make> kOptimizers[] = {
    {"adam", make<Adam>}, {"rmsprop", make<RmsProp>}, {"sgd", make<Sgd>}, {"sgdm", make<Sgdm>}};

}  // namespace

MemberOptimizer::~MemberOptimizer() = default;

std::unique_ptr<MemberOptimizer> make_member_optimizer(const std::string& name,
                                                       const std::vector<at::Tensor>& parameters,
                                                       const std::vector<double>& rates,
                                                       const std::vector<double>& decays) {
  for (const auto& [known, make] : kOptimizers)
    if (name == known) return make(parameters, rates, decays);
  throw Error("zoo", "no optimizer '" + name + "'." + known_names(name, member_optimizer_names()));
}

std::vector<std::string> member_optimizer_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kOptimizers) names.emplace_back(name);
  return names;
}

}  // namespace nfopt
