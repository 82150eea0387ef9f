#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/runtime/binding/networks.h"
#include "tests/runtime/binding/published_networks.h"

namespace nfopt {
namespace {

Registry& plugins() {
  static Registry registry(std::vector<SearchDirectory>{{NFOPT_PLUGINS, "built"}});
  return registry;
}

const Instance& only_candidate(const Recognition& recognition) {
  EXPECT_EQ(recognition.candidates.size(), 1u) << recognition.text();
  return recognition.candidates.at(0).instance;
}

std::string reason(const Recognition& recognition, const std::string& architecture) {
  for (const auto& rejection : recognition.rejections)
    if (rejection.architecture == architecture) return rejection.reason;
  ADD_FAILURE() << "'" << architecture << "' was not rejected:" << recognition.text();
  return "";
}

/// Through a file and back: names and values stay, identity and kinds are lost.
NamedTensorList through_a_file(const torch::nn::Module& module) {
  const auto path = std::filesystem::temp_directory_path() / ("nfopt-binding-" + std::to_string(::getpid()));
  SafetensorsFile file;
  std::vector<const void*> written;
  for (const auto& live : live_tensors(module)) {
    const void* identity = live.tensor.unsafeGetTensorImpl();
    if (std::find(written.begin(), written.end(), identity) != written.end()) continue;  // as safetensors' writers do
    written.push_back(identity);
    file.tensors.emplace_back(live.name, live.tensor.detach());
  }
  write_safetensors(path, file);
  auto tensors = read_safetensors(path).tensors;
  std::filesystem::remove(path);
  return tensors;
}

TEST(Recognize, PicksTheArchitectureAndItsOptions) {
  const Recognition found = recognize(named_shapes(live_tensors(TwoLayers())), plugins());
  const Instance& instance = only_candidate(found);
  EXPECT_EQ(found.candidates[0].architecture, "mlp");
  EXPECT_EQ(instance.options.integers("hidden"), std::vector<int64_t>{4});
}

TEST(Recognize, LooksBehindPrefixes) {
  const Wrapped net({"module", "model"}, std::make_shared<TwoLayers>());
  const Recognition found = recognize(named_shapes(live_tensors(net)), plugins());
  only_candidate(found);
  EXPECT_EQ(found.candidates[0].prefix, "module.model.");
  EXPECT_EQ(recognize_and_bind(net, plugins()).report.matched[0].live, "module.model.layers.0.weight");
}

TEST(Recognize, SaysForEachArchitectureWhyNot) {
  torch::nn::Module net;
  net.register_module("layers", torch::nn::ModuleList(torch::nn::Linear(3, 4), torch::nn::Linear(5, 6)));
  const Recognition shapes = recognize(named_shapes(live_tensors(net)), plugins());
  EXPECT_TRUE(shapes.candidates.empty());
  EXPECT_EQ(reason(shapes, "mlp"), "every name matches, but no options give these shapes");
  EXPECT_NE(
      reason(shapes, "siren").find("no name matches: expected first 'net.0.linear.weight', received 'layers.0.weight'"),
      std::string::npos);

  net.register_parameter("gain", at::ones({2}));
  EXPECT_NE(reason(recognize(named_shapes(live_tensors(net)), plugins()), "mlp").find("it has no 'gain'"),
            std::string::npos);
  expect_error([&] { recognize_and_bind(net, plugins()); },
               {"No architecture describes this network", "'mlp': ", "'siren': ", "'lora': ", NFOPT_PLUGINS});
}

TEST(Recognize, BuffersThatNobodyDescribesDoNotStandInTheWay) {
  TwoLayers net;
  net.register_buffer("input_mean", at::zeros({5}));
  const Binding binding = recognize_and_bind(net, plugins());
  EXPECT_EQ(binding.report.matched.size(), 4u);
  ASSERT_EQ(binding.extra.size(), 1u);
  EXPECT_EQ(binding.extra[0].name, "input_mean");
}

TEST(Recognize, ResNet18OfTorchvisionWithoutAnOption) {
  const ResNet18 net(64, 1000);
  const Binding binding = recognize_and_bind(net, plugins());
  EXPECT_EQ(binding.report.headline(), "122 of 122 tensors match");  // 62 parameters, 3 buffers of each of 20 norms
  EXPECT_TRUE(binding.extra.empty());
  EXPECT_EQ(binding.space->parameter_count(), 11'689'512);  // as torchvision documents it

  const Binding file = recognize_and_bind(live_tensors(through_a_file(ResNet18(8, 10))), plugins());
  EXPECT_EQ(file.report.matched.size(), 122u);
}

TEST(Recognize, Gpt2OfTransformersWithoutAnOption) {
  const Gpt2 net(31, 9, 64, 2);
  const Binding binding = recognize_and_bind(net, plugins());
  EXPECT_EQ(binding.report.headline(), "28 of 28 tensors match");  // 12 a block, two tables, a norm
  ASSERT_EQ(binding.report.tied.size(), 1u);
  EXPECT_EQ(binding.report.prefix.removed, "transformer.");
  EXPECT_TRUE(binding.extra.empty());

  const Binding masked = recognize_and_bind(Gpt2(31, 9, 64, 2, true), plugins());
  EXPECT_EQ(masked.report.matched.size(), 28u);
  EXPECT_EQ(masked.extra.size(), 2u);

  const Binding file = recognize_and_bind(live_tensors(through_a_file(net)), plugins());
  EXPECT_EQ(file.report.matched.size(), 28u);
}

TEST(Recognize, AWrongDescriptionOfAPublishedNetworkGivesTheFullReport) {
  const auto space = recognize_and_bind(Gpt2(31, 9, 64, 2), plugins()).space;
  const std::string text =
      expect_error([&] { nfopt::bind(Gpt2(31, 9, 128, 1), space); },
                   {"'wte.weight': expected [31, 64], received [31, 128]",
                    "'h.0.attn.c_attn.weight': expected [64, 192], received [128, 384]",
                    "'h.1.mlp.c_fc.bias' is missing", "0 of 28 tensors match, 12 missing, 16 of another shape"});
}

TEST(MakeLearnedOptimizer, IsOneLineForARecognisedModule) {
  Registry::global().add_directory(NFOPT_PLUGINS);
  TwoLayers net;
  LearnedOptimizer optimizer = make_learned_optimizer(net, "unf");
  const at::Tensor before = net.parameters()[0].detach().clone();
  net.forward(at::ones({2, 5})).square().sum().backward();
  optimizer.step();
  EXPECT_EQ(optimizer.steps(), 1);
  EXPECT_FALSE(at::equal(before, net.parameters()[0]));
}

}  // namespace
}  // namespace nfopt
