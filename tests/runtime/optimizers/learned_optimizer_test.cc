#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <sstream>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

/// 5-4-3 with the names of small_space().
struct SmallNet : torch::nn::Module {
  SmallNet() {
    fc1 = register_module("fc1", torch::nn::Linear(5, 4));
    fc2 = register_module("fc2", torch::nn::Linear(4, 3));
    to(at::kDouble);
    torch::NoGradGuard no_grad;
    for (auto& item : named_parameters()) fill_normal(item.value(), Rng(11).purpose(item.key()), 0, 0.5);
  }
  at::Tensor forward(const at::Tensor& x) { return fc2(torch::relu(fc1(x))); }
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};
};

struct NetWithHead : SmallNet {
  NetWithHead() { extra = register_parameter("extra", at::ones({2}, at::kDouble)); }
  at::Tensor extra;
};

const std::shared_ptr<const LearnedRule>& small_rule() {
  static const auto rule = std::make_shared<const LearnedRule>(rule_preset("unf"), small_space());
  return rule;
}
NamedTensors small_theta() { return random_theta(*small_rule(), Rng(1)); }

at::Tensor loss_of(SmallNet& net, int64_t step) {
  at::Tensor x = at::empty({6, 5}, at::kDouble), y = at::empty({6, 3}, at::kDouble);
  fill_normal(x, Rng(21).index(step), 0, 1);
  fill_normal(y, Rng(22).index(step), 0, 1);
  return (net.forward(x) - y).square().mean();
}

void train(SmallNet& net, torch::optim::Optimizer& optimizer, int64_t first, int64_t last) {
  for (int64_t step = first; step < last; ++step) {
    optimizer.zero_grad();
    loss_of(net, step).backward();
    optimizer.step();
  }
}

std::vector<at::Tensor> values(const torch::nn::Module& net) {
  std::vector<at::Tensor> out;
  for (const auto& p : net.parameters()) out.push_back(p.detach().clone());
  return out;
}
void expect_same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
}

TEST(LearnedOptimizer, AppliesTheRuleWithLrAndDecoupledDecay) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta(), LearnedOptimizerOptions(0.5).weight_decay(0.1));
  loss_of(net, 0).backward();
  std::vector<at::Tensor> params, grads;
  for (const auto& slice : small_rule()->slices()) {
    const at::Tensor p = net.named_parameters()[slice.name];
    params.push_back(p.detach().clone().unsqueeze(0));
    grads.push_back(p.grad().unsqueeze(0));
  }
  const Update update = small_rule()->update(small_theta(), params, grads, small_rule()->init(params), {});
  optimizer.step();
  size_t i = 0;
  for (const auto& slice : small_rule()->slices()) {
    const at::Tensor expected = params[i] - 0.5 * update.updates[i] - 0.5 * 0.1 * params[i];
    EXPECT_LE((net.named_parameters()[slice.name] - expected[0]).abs().max().item<double>(), 1e-15) << slice.name;
    ++i;
  }
  EXPECT_EQ(optimizer.steps(), 1);
}

TEST(LearnedOptimizer, AClosureRunsUnderGradModeAndItsLossComesBack) {
  SmallNet a, b;
  LearnedOptimizer first(a, small_rule(), small_theta()), second(b, small_rule(), small_theta());
  train(a, first, 0, 1);
  torch::NoGradGuard no_grad;
  const at::Tensor loss = second.step([&] {
    second.zero_grad();
    const at::Tensor loss = loss_of(b, 0);
    loss.backward();
    return loss;
  });
  EXPECT_GT(loss.item<double>(), 0);
  expect_same(values(a), values(b));
}

TEST(LearnedOptimizer, GroupsHaveTheirOwnRatesAndSchedulersReachThem) {
  SmallNet net;
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(net.fc1->parameters(), std::make_unique<LearnedOptimizerOptions>(0.0));
  groups.emplace_back(net.fc2->parameters());
  LearnedOptimizer optimizer(groups, named_parameters(net), small_rule(), small_theta());
  torch::optim::StepLR schedule(optimizer, 1, 0.5);
  const auto before = values(net);
  train(net, optimizer, 0, 2);
  schedule.step();  // torch counts from 0: the first call changes nothing
  schedule.step();
  const auto after = values(net);
  EXPECT_TRUE(at::equal(before[0], after[0]));   // lr 0
  EXPECT_FALSE(at::equal(before[2], after[2]));  // the default
  EXPECT_EQ(optimizer.param_groups()[1].options().get_lr(), 0.5);
}

TEST(LearnedOptimizer, StateExportContinuesBitForBit) {
  SmallNet whole, parts;
  LearnedOptimizer optimizer(whole, small_rule(), small_theta());
  train(whole, optimizer, 0, 6);

  NamedTensors state;
  {
    LearnedOptimizer first(parts, small_rule(), small_theta());
    train(parts, first, 0, 3);
    state = first.state();
    const auto kept = state.at("state.momenta").clone();
    train(*std::make_shared<SmallNet>(), first, 3, 4);
    EXPECT_TRUE(at::equal(kept, state.at("state.momenta")));  // an export does not change behind one's back
  }
  // A fresh theta: the stored one must win.
  LearnedOptimizer second(parts, small_rule(), small_rule()->initial_theta(Rng(99)));
  second.load_state(state);
  EXPECT_EQ(second.steps(), 3);
  train(parts, second, 3, 6);
  expect_same(values(whole), values(parts));
}

TEST(LearnedOptimizer, TorchArchivesContinueBitForBit) {
  SmallNet whole, parts;
  LearnedOptimizer optimizer(whole, small_rule(), small_theta(), LearnedOptimizerOptions(0.7));
  train(whole, optimizer, 0, 6);
  std::stringstream file;
  {
    LearnedOptimizer first(parts, small_rule(), small_theta(), LearnedOptimizerOptions(0.7));
    train(parts, first, 0, 3);
    torch::save(first, file);
  }
  LearnedOptimizer second(parts, small_rule(), small_rule()->initial_theta(Rng(99)));
  torch::load(second, file);
  EXPECT_EQ(second.param_groups()[0].options().get_lr(), 0.7);
  train(parts, second, 3, 6);
  expect_same(values(whole), values(parts));

  std::stringstream other;
  torch::save(torch::optim::SGD(whole.parameters(), 0.1), other);
  expect_error([&] { torch::load(second, other); }, {"holds no learned optimizer"});
}

TEST(LearnedOptimizer, AStateOfAnotherOptimizerIsRefusedAsAWhole) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta());
  NamedTensors wrong;
  for (const auto& [name, tensor] : optimizer.state())
    if (name != "steps") wrong.add(name, name == "state.momenta" ? tensor.narrow(2, 0, 3) : tensor);
  wrong.add("extra", at::zeros({1}));
  wrong.at("theta.L0.b").fill_(7);
  expect_error([&] { optimizer.load_state(wrong); }, {"'steps' is missing", "'state.momenta'", "received", "'extra'"});
  EXPECT_FALSE(at::equal(optimizer.theta().at("L0.b"), wrong.at("theta.L0.b")));
}

TEST(LearnedOptimizer, UncoveredParametersAreAnErrorOrGoToTheFallback) {
  NetWithHead net;
  expect_error([&] { LearnedOptimizer(net, small_rule(), small_theta()); },
               {"'extra'", "not described by the weight space", "fallback"});

  FallbackOptions adamw;
  adamw.lr = 0.01;
  LearnedOptimizer optimizer(net, small_rule(), small_theta(), LearnedOptimizerOptions().fallback(adamw));
  at::Tensor reference = net.extra.detach().clone().requires_grad_();
  torch::optim::AdamW torch_adamw({reference}, torch::optim::AdamWOptions(0.01));
  NamedTensors state;
  for (int64_t step = 0; step < 5; ++step) {
    if (step == 3) {  // through an export in the middle
      state = optimizer.state();
      optimizer.load_state(state);
    }
    optimizer.zero_grad();
    torch_adamw.zero_grad();
    (loss_of(net, step) + net.extra.pow(3).sum()).backward();
    reference.pow(3).sum().backward();
    optimizer.step();
    torch_adamw.step();
  }
  EXPECT_LE((net.extra - reference).abs().max().item<double>(), 1e-14);
  EXPECT_NE(state.find("fallback.extra.mean"), nullptr);
}

TEST(LearnedOptimizer, MissingAndMisshapenParametersAreListedTogether) {
  NamedParameters parameters = named_parameters(SmallNet());
  parameters[0].first = "fc1.weigth";
  parameters[3].second = at::zeros({4});
  parameters[2].second = at::zeros({3, 4}, at::kLong);
  expect_error([&] { LearnedOptimizer(parameters, small_rule(), small_theta()); },
               {"'fc1.weight' is missing. Did you mean 'fc1.weigth'?", "'fc2.bias': expected [3], received [4]",
                "'fc2.weight' is not of a floating-point type"});
}

TEST(LearnedOptimizer, CopiesThatShareStorageStepOnce) {
  SmallNet net;
  NamedParameters parameters = named_parameters(net);
  parameters.emplace_back("copy.weight", parameters[0].second);
  SmallNet reference;
  LearnedOptimizer optimizer(parameters, small_rule(), small_theta());
  LearnedOptimizer plain(reference, small_rule(), small_theta());
  train(net, optimizer, 0, 3);
  train(reference, plain, 0, 3);
  expect_same(values(net), values(reference));
}

TEST(LearnedOptimizer, AnUndefinedGradientLeavesItsParameterAlone) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta(), LearnedOptimizerOptions().weight_decay(0.1));
  loss_of(net, 0).backward();
  net.fc1->bias.mutable_grad() = at::Tensor();
  const auto before = values(net);
  optimizer.step();
  const auto after = values(net);
  EXPECT_TRUE(at::equal(before[1], after[1]));
  EXPECT_FALSE(at::equal(before[0], after[0]));
}

TEST(LearnedOptimizer, AConvertedModuleIsNoticedAndRebindFollowsIt) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta());
  train(net, optimizer, 0, 2);
  net.to(at::kFloat);
  net.zero_grad();
  expect_error([&] { optimizer.step(); },
               {"'fc1.bias' was float64 [4] when its state was made and is float32 [4] now.", "rebind(module)"});
  optimizer.rebind(net);
  for (auto& p : net.parameters()) p.mutable_grad() = at::ones_like(p);
  optimizer.step();
  EXPECT_EQ(optimizer.state().at("state.momenta").scalar_type(), at::kFloat);
  EXPECT_EQ(optimizer.steps(), 3);

  net.fc1->bias.set_data(at::zeros({7}));
  expect_error([&] { optimizer.step(); }, {"'fc1.bias' was float32 [4]", "[7] now"});
  expect_error([&] { optimizer.rebind(net); }, {"'fc1.bias': expected [4], received [7]"});
}

TEST(LearnedOptimizer, SparseGradientsAreRefusedByName) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta());
  net.fc1->weight.mutable_grad() = at::zeros({4, 5}, at::kDouble).to_sparse();
  expect_error([&] { optimizer.step(); }, {"sparse", "'fc1.weight'"});
}

TEST(LearnedOptimizer, ValuesThatAreNotFiniteStopOrSkipTheStep) {
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    SmallNet net;
    LearnedOptimizer stopping(net, small_rule(), small_theta());
    train(net, stopping, 0, 1);
    const auto before = values(net);
    const NamedTensors state = stopping.state();
    {
      torch::NoGradGuard no_grad;
      net.fc2->bias.mutable_grad()[1] = bad;
    }
    expect_error([&] { stopping.step(); }, {"not finite", "gradient of 'fc2.bias'", "step 1"});
    expect_same(values(net), before);
    EXPECT_TRUE(at::equal(stopping.state().at("state.momenta"), state.at("state.momenta")));

    LearnedOptimizer skipping(net, small_rule(), small_theta(), LearnedOptimizerOptions().non_finite(NonFinite::skip));
    skipping.step();
    expect_same(values(net), before);
    EXPECT_EQ(skipping.steps(), 0);
    EXPECT_EQ(skipping.skipped_steps(), 1);
    EXPECT_NE(skipping.last_skip().find("'fc2.bias'"), std::string::npos);
  }
}

TEST(LearnedOptimizer, UpdatesThatAreNotFiniteNameTheParameter) {
  SmallNet net;
  NamedTensors theta = small_theta();
  theta.at("L3.bias.fc2.weight").fill_(INFINITY);
  LearnedOptimizer optimizer(net, small_rule(), theta);
  loss_of(net, 0).backward();
  expect_error([&] { optimizer.step(); }, {"update of 'fc2.weight'"});
}

TEST(LearnedOptimizer, TheUpdateNormIsBounded) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta(), LearnedOptimizerOptions().max_update_norm(1e-3));
  const auto before = values(net);
  train(net, optimizer, 0, 1);
  double square = 0;
  const auto after = values(net);
  for (size_t i = 0; i < after.size(); ++i) square += (after[i] - before[i]).square().sum().item<double>();
  EXPECT_NEAR(std::sqrt(square), 1e-3, 1e-12);
}

TEST(LearnedOptimizer, HalfPrecisionParametersAreSteppedInFloat32) {
  SmallNet net;
  net.to(at::kBFloat16);
  LearnedOptimizer optimizer(net, small_rule(), small_theta());
  for (auto& p : net.parameters()) p.mutable_grad() = at::ones_like(p);
  const auto before = values(net);
  optimizer.step();
  EXPECT_EQ(optimizer.state().at("state.momenta").scalar_type(), at::kFloat);
  EXPECT_EQ(net.fc1->weight.scalar_type(), at::kBFloat16);
  EXPECT_FALSE(at::equal(before[0], values(net)[0]));
}

TEST(LearnedOptimizer, AddedGroupsAreNotIgnored) {
  SmallNet net;
  LearnedOptimizer optimizer(net, small_rule(), small_theta());
  optimizer.add_param_group(torch::optim::OptimizerParamGroup({at::zeros({2}).requires_grad_()}));
  expect_error([&] { optimizer.step(); }, {"Build a new optimizer"});
}

TEST(LearnedOptimizer, IsOneLineFromAFileAndDescribesItself) {
  const auto path = std::filesystem::temp_directory_path() / ("nfopt-rule-" + std::to_string(::getpid()));
  MetaParameters meta;
  meta.rule = rule_preset("unf");
  meta.space = small_space();
  meta.theta = small_theta();
  save_meta_parameters(path, meta);
  SmallNet a, b;
  LearnedOptimizer from_file(a, path, small_space()), direct(b, small_rule(), small_theta());
  std::filesystem::remove(path);
  train(a, from_file, 0, 2);
  train(b, direct, 0, 2);
  expect_same(values(a), values(b));
  std::ostringstream text;
  text << from_file;
  EXPECT_NE(text.str().find("unf, 3783 weights, lr 1 (as meta-trained)"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("4 tensors, 39 numbers"), std::string::npos) << text.str();
}

}  // namespace
}  // namespace nfopt
