// What names and shapes do not tell (heads, groups of a norm) is a guess of recognition: it is tested, or refused.

#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>

#include <sstream>

#include "tests/runtime/binding/networks.h"

namespace nfopt {
namespace {

using Values = std::map<std::string, OptionValue>;

OptionValue integer(int64_t value) { return value; }
OptionValue text(const char* value) { return std::string(value); }

/// The network of an architecture as a torch module that knows nothing of nfopt: it has names, shapes and a function.
struct Foreign : torch::nn::Module {
  Foreign(const std::string& architecture, const Values& options)
      : instance(instantiate(Registry::global().find(architecture), options)), network(make_network(instance)) {
    Members start = Members::zeros(instance.space, 1, at::kFloat);
    network->initialize(start, Rng(3));
    for (size_t i = 0; i < start.tensors().size(); ++i) {
      const Tensor& described = instance.space->tensors()[i];
      std::istringstream path(described.name);
      torch::nn::Module* at = this;
      std::string word, next;
      std::getline(path, word, '.');
      for (; std::getline(path, next, '.'); word = next) {
        const auto children = at->named_children();
        const auto* child = children.find(word);
        at = child ? child->get() : at->register_module(word, std::make_shared<torch::nn::Module>()).get();
      }
      at::Tensor values = start.tensors()[i][0].clone();
      tensors.push_back(described.kind == Kind::parameter ? at->register_parameter(word, values)
                                                          : at->register_buffer(word, values));
    }
  }

  at::Tensor forward(const at::Tensor& x) const {
    std::vector<at::Tensor> members;
    for (const at::Tensor& tensor : tensors) members.push_back(tensor.unsqueeze(0));
    Members live(instance.space, std::move(members));
    return network->forward(live, x.unsqueeze(0), {.training = false, .rng = Rng(0)})[0];
  }

  Instance instance;
  std::unique_ptr<Network> network;
  std::vector<at::Tensor> tensors;
};

Values gpt2(int64_t heads) {
  return {{"names", text("gpt2")}, {"vocabulary", integer(31)}, {"layers", integer(1)},
          {"width", integer(128)}, {"heads", integer(heads)},   {"context", integer(9)}};
}

Values group_norm_resnet(int64_t groups) {
  return {{"input", std::vector<int64_t>{3, 8, 8}},
          {"output_size", integer(4)},
          {"blocks", std::vector<int64_t>{1, 1}},
          {"width", integer(16)},
          {"norm", text("group")},
          {"norm_groups", integer(groups)}};
}

struct GuessedSizes : ::testing::Test {
  static void SetUpTestSuite() { Registry::global().add_directory(NFOPT_PLUGINS); }
  const at::Tensor tokens = at::arange(14).reshape({2, 7});
  const at::Tensor images = at::arange(2 * 3 * 8 * 8).to(at::kFloat).sin().reshape({2, 3, 8, 8});
};

TEST_F(GuessedSizes, AreRefusedWithoutAProof) {
  const Foreign net("transformer", gpt2(2));
  expect_error([&] { make_learned_optimizer(net, "unf"); },
               {"recognised as 'transformer'", "heads = 2", "do not tell h0 = 2, qk0 = 64, v0 = 64", "a guess",
                "[&] { return net->forward(x); }", "find(\"transformer\")"});
  const Foreign images("resnet", group_norm_resnet(8));
  expect_error([&] { make_learned_optimizer(images, "unf"); },
               {"recognised as 'resnet'", "norm_groups = 8", "do not tell"});
}

TEST_F(GuessedSizes, AreAcceptedWhenAForwardPassAgrees) {
  const Foreign attention("transformer", gpt2(2)), norms("resnet", group_norm_resnet(8));
  const at::Tensor before = attention.tensors[0].detach().clone();
  EXPECT_NO_THROW(make_learned_optimizer(attention, "unf", [&] { return attention.forward(tokens); }));
  EXPECT_TRUE(at::equal(before, attention.tensors[0])) << "a proof leaves the network as it was";
  EXPECT_NO_THROW(make_learned_optimizer(norms, "unf", [&] { return norms.forward(images); }));
}

TEST_F(GuessedSizes, AreRefusedWhenAForwardPassDisagrees) {
  const Foreign attention("transformer", gpt2(4));  // the guess is 2 heads of 64
  const std::string text =
      expect_error([&] { make_learned_optimizer(attention, "unf", [&] { return attention.forward(tokens); }); },
                   {"recognised as 'transformer'", "heads = 2", "these were guessed, and the test failed",
                    "claims symmetries that the network does not have", "'qk0': outputs change by", "c_attn.weight",
                    "If a guess is wrong, name the options"});
  EXPECT_EQ(text.find("'d'"), std::string::npos) << "what is right is not accused: " << text;

  const Foreign norms("resnet", group_norm_resnet(4));  // the guess is 8 groups
  expect_error([&] { make_learned_optimizer(norms, "unf", [&] { return norms.forward(images); }); },
               {"norm_groups = 8", "the test failed", "outputs change by"});
}

TEST_F(GuessedSizes, AreNoneWhereTheOptionsAreNamed) {
  const Foreign net("transformer", gpt2(4));
  EXPECT_NO_THROW(make_learned_optimizer(nfopt::bind(net, net.instance), "unf"));
}

}  // namespace
}  // namespace nfopt
