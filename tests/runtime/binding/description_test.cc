// Architectures that are YAML files, as the registry and bind() see them.

#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/io/weight_space_yaml.h>
#include <nfopt/runtime/plugin/plugin_error.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/runtime/binding/networks.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using Given = std::map<std::string, OptionValue>;

/// A folder of descriptions that is removed at the end.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(fs::temp_directory_path() / ("nfopt-descriptions-" + name + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path write(const std::string& file, const std::string& text) const {
    std::ofstream(path_ / file) << text;
    return path_ / file;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string named(const std::string& name) {
  return "architecture: " + name +
         "\noptions: {width: 4}\ntensors:\n  - {name: w, shape: [width, 3], axes: \"[h, ~in]\"}\n";
}

ArchitecturePtr parsed(const std::string& yaml) {
  return architecture_from_yaml(parse_yaml(yaml, "net.yaml"), "net.yaml");
}

/// Describes a network, then recognises it from its names and shapes alone.
std::optional<Given> recognized(const ArchitecturePtr& architecture, const Given& options) {
  const Instance instance = instantiate(architecture, options);
  NamedShapes shapes;
  for (const Tensor& tensor : instance.space->tensors()) shapes.emplace_back(tensor.name, tensor.shape);
  return architecture->recognize(shapes);
}

TEST(Description, IsFoundBesidePluginsByItsOwnName) {
  const Folder folder("found");
  folder.write("any.nfopt.yaml", named("tiny"));
  folder.write("ignored.yaml", named("ignored"));
  Registry registry(std::vector<SearchDirectory>{{folder.path(), "test"}});
  const auto entry = registry.entry("tiny");
  EXPECT_EQ(entry.architecture->info().name, "tiny");
  EXPECT_EQ(entry.origin, fs::canonical(folder.path() / "any.nfopt.yaml").string());
  EXPECT_EQ(entry.manifest.uses_torch, 0u);
  EXPECT_EQ(instantiate(entry.architecture, {{"width", int64_t{7}}}).space->tensors()[0].shape,
            (std::vector<int64_t>{7, 3}));
  expect_error([&] { registry.find("ignored"); }, {"No architecture 'ignored'", "tiny"});
  EXPECT_EQ(registry.find((folder.path() / "ignored.yaml").string())->info().name, "ignored");  // by its path
}

TEST(Description, SharesIdsWithPlugins) {
  const Folder folder("ids");
  folder.write("a.nfopt.yaml", named("same"));
  folder.write("b.nfopt.yaml", named("same"));
  Registry registry(std::vector<SearchDirectory>{{folder.path(), "test"}});
  expect_error([&] { registry.find("same"); }, {"the id 'same'", "a.nfopt.yaml", "b.nfopt.yaml"});
  const fs::path mlp = folder.write("mlp.yaml", named("mlp"));
  Registry with_plugins(std::vector<SearchDirectory>{{NFOPT_PLUGINS, "built"}});
  with_plugins.find("mlp");
  expect_error([&] { with_plugins.load(mlp); }, {"the id 'mlp'", "mlp.nfopt.so", "mlp.yaml"});
}

TEST(Description, ABrokenFileIsReportedWhereItIsMissed) {
  const Folder folder("broken");
  folder.write("gru.nfopt.yaml", "architecture: [gru\n");
  folder.write("fine.nfopt.yaml", named("fine"));
  folder.write("typo.nfopt.yaml", "architecture: typo\ntensors:\n  - {name: w, shape: [2], axis: \"[h]\"}\n");
  Registry registry(std::vector<SearchDirectory>{{folder.path(), "test"}});
  EXPECT_EQ(registry.find("fine")->info().name, "fine");
  expect_error([&] { registry.find("gru"); }, {"No architecture 'gru'", "gru.nfopt.yaml cannot be read"});
  expect_error([&] { registry.find("typo"); }, {"typo.nfopt.yaml", "axis"});
  EXPECT_EQ(registry.load_all().size(), 2u);
}

TEST(Description, RecognisesOptionsOfShapesAndLoops) {
  const ArchitecturePtr siren = Registry(std::vector<SearchDirectory>{{NFOPT_PLUGINS, "built"}}).find("siren");
  for (const int64_t layers : {0, 1, 4}) {
    const Given options = {
        {"inputs", int64_t{3}}, {"outputs", int64_t{5}}, {"width", int64_t{8}}, {"hidden_layers", layers}};
    EXPECT_EQ(recognized(siren, options), options) << layers;
  }
  EXPECT_FALSE(siren->recognize({{"net.0.linear.weight", {4, 2}}}));
  EXPECT_FALSE(siren->recognize({}));
}

TEST(Description, RecognisesALastLayerThatContinuesTheLoop) {
  const auto net = parsed(R"(
architecture: perceptron
options: {depth: 2, width: 4, bias: true}
tensors:
  - for: {i: 0..depth-1}
    tensors:
      - {name: "layers.{i}.weight", shape: [width, width], axes: "[h{i+1}, h{i}]"}
      - for: {b: 1..bias}
        tensors: [{name: "layers.{i}.bias", shape: [width], axes: "[h{i+1}]"}]
  - {name: "layers.{depth}.weight", shape: [3, width], axes: "[~out, h{depth}]"}
)");
  for (const bool bias : {false, true}) {
    const Given options = {{"depth", int64_t{5}}, {"width", int64_t{6}}, {"bias", bias}};
    EXPECT_EQ(recognized(net, options), options) << bias;
  }
}

TEST(Description, RecognisesStacksProductsAndQuotients) {
  const auto net = parsed(R"(
architecture: experts
options: {width: {required: true}, experts: 4, heads: 2, factor: 4}
tensors:
  - {name: qkv, shape: [3*width, width], axes: "[[h={heads}, q@h] | [h, q@h] | [h, q@h], d]"}
  - {name: half, shape: [width/2], axes: "[~half]"}
  - {name: up, shape: [factor*width, width], axes: "[f@e, d]", stack: {over: "e={experts}", of: "experts.{i}.up"}}
)");
  const Given options = {
      {"width", int64_t{12}}, {"experts", int64_t{3}}, {"heads", int64_t{2}}, {"factor", int64_t{2}}};
  EXPECT_EQ(recognized(net, options), options);
  // Heads show in no shape: a number that is not the default is not recovered, and nothing depends on it.
  Given other = options;
  other["heads"] = int64_t{4};
  EXPECT_EQ(recognized(net, other), options);
}

TEST(Description, BindsALiveNetwork) {
  Registry registry(std::vector<SearchDirectory>{{NFOPT_PLUGINS, "built"}});
  NamedTensorList adapters;
  for (int n = 0; n < 2; ++n) {
    const std::string layer = "base_model.model.model.layers." + std::to_string(n) + ".self_attn.";
    adapters.emplace_back(layer + "q_proj.lora_A.weight", at::zeros({4, 32}));
    adapters.emplace_back(layer + "q_proj.lora_B.weight", at::zeros({48, 4}));
    adapters.emplace_back(layer + "v_proj.lora_A.weight", at::zeros({4, 32}));
    adapters.emplace_back(layer + "v_proj.lora_B.weight", at::zeros({16, 4}));
  }
  const Binding binding = recognize_and_bind(live_tensors(adapters), registry);
  EXPECT_EQ(binding.report.matched.size(), 8u);
  EXPECT_EQ(binding.report.prefix.removed, "base_model.model.model.");
}

TEST(Description, TwoThatDifferInTheirSymmetriesAreNotGuessed) {
  const Folder folder("two");
  folder.write("a.nfopt.yaml", named("first"));
  folder.write("b.nfopt.yaml", named("second"));
  Registry registry(std::vector<SearchDirectory>{{folder.path(), "test"}});
  const auto net = live_tensors(NamedTensorList{{"w", at::zeros({5, 3})}});
  EXPECT_EQ(recognize_and_bind(net, registry).tensors.size(), 1u);  // the same twice
  std::string other = named("third");
  other.replace(other.find("[h, ~in]"), 8, "[~o, ~i]");
  folder.write("c.nfopt.yaml", other);
  expect_error([&] { recognize_and_bind(net, registry); },
               {"Several architectures", "'first': width = 5", "'third': width = 5"});
}

}  // namespace
}  // namespace nfopt
