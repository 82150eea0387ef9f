#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/zoo/member_optimizer.h>
#include <torch/optim.h>

#include "tests/errors.h"

namespace nfopt {
namespace {

const std::vector<double> kRates = {0.1, 0.003, 0.02};

at::Tensor random(const std::string& purpose, std::vector<int64_t> shape) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  return fill_normal(tensor, Rng(1).purpose(purpose), 0, 1);
}

// Gradients of a step, as in training: they depend on the parameters.
std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& parameters, int64_t step) {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& p : parameters) gradients.push_back((p * 1.5).sin() + 0.3 * static_cast<double>(step));
  return gradients;
}

std::unique_ptr<torch::optim::Optimizer> torchs(const std::string& name, const std::vector<at::Tensor>& parameters,
                                                double rate, double decay) {
  namespace optim = torch::optim;
  if (name == "sgd") return std::make_unique<optim::SGD>(parameters, optim::SGDOptions(rate).weight_decay(decay));
  if (name == "sgdm") return std::make_unique<optim::SGD>(parameters, optim::SGDOptions(rate).momentum(0.9));
  if (name == "rmsprop") return std::make_unique<optim::RMSprop>(parameters, optim::RMSpropOptions(rate));
  return std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions(rate).weight_decay(decay));
}

TEST(MemberOptimizer, EveryMemberIsTrainedAsTorchOptimWould) {
  for (const std::string& name : member_optimizer_names()) {
    const double decay = name == "sgd" || name == "adam" ? 0.2 : 0.0;  // where LibTorch's decay is decoupled, too
    std::vector<at::Tensor> population = {random("w", {3, 4, 2}), random("b", {3, 4})};
    std::vector<std::vector<at::Tensor>> alone;
    std::vector<std::unique_ptr<torch::optim::Optimizer>> optimizers;
    for (int64_t m = 0; m < 3; ++m) {
      alone.push_back({population[0][m].clone().requires_grad_(), population[1][m].clone().requires_grad_()});
      optimizers.push_back(torchs(name, alone.back(), kRates[m], decay));
    }
    const auto together = make_member_optimizer(name, population, kRates, {decay, decay, decay});
    for (int64_t step = 0; step < 7; ++step) {
      together->step(population, gradients(population, step));
      for (size_t m = 0; m < 3; ++m) {
        const at::NoGradGuard no_grad;
        const std::vector<at::Tensor> own = gradients(alone[m], step);
        for (size_t i = 0; i < own.size(); ++i) alone[m][i].mutable_grad() = own[i];
        optimizers[m]->step();
      }
    }
    for (int64_t m = 0; m < 3; ++m)
      for (size_t i = 0; i < 2; ++i)
        EXPECT_LT((population[i][m] - alone[m][i].detach()).abs().max().item<double>(), 1e-12) << name << " " << m;
  }
}

TEST(MemberOptimizer, DecayShrinksParametersByRateTimesDecay) {
  for (const std::string& name : member_optimizer_names()) {
    std::vector<at::Tensor> population = {at::ones({3, 2}, at::kDouble)};
    make_member_optimizer(name, population, kRates, {0.5, 0.0, 1.0})
        ->step(population, {at::zeros({3, 2}, at::kDouble)});
    const at::Tensor expected = at::tensor({1 - 0.1 * 0.5, 1.0, 1 - 0.02 * 1.0}, at::kDouble);
    EXPECT_LT((population[0].select(1, 0) - expected).abs().max().item<double>(), 1e-15) << name;
  }
}

TEST(MemberOptimizer, AMissListsTheNames) {
  testing::expect_error([] { make_member_optimizer("adm", {}, {}, {}); },
                        {"no optimizer 'adm'", "adam, rmsprop, sgd, sgdm", "Did you mean 'adam'"});
}

}  // namespace
}  // namespace nfopt
