#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tests/plugins/conformance.h>
#include <torch/types.h>

#include <map>

namespace nfopt {
namespace {

using Values = std::map<std::string, OptionValue>;

constexpr int64_t kVocabulary = 11;

ArchitecturePtr transformer() { return Registry::global().find("transformer"); }

Instance instance_of(const std::string& name) { return testing::instance_of(transformer(), name); }

at::Tensor tokens(std::vector<int64_t> shape, uint64_t seed) {
  at::Tensor t = at::empty(shape, at::kDouble);
  return fill_uniform(t, Rng(seed), 0, kVocabulary).floor().to(at::kLong);
}

double edited_error(const std::string& name, const std::string& where, const std::string& from, const std::string& to) {
  return testing::edited_error(transformer(), name, {{where, from, to}});
}

TEST(Transformer, EveryExampleConforms) {
  EXPECT_GE(transformer()->examples().size(), 20u);
  testing::expect_conformance_of_examples(transformer());
}

TEST(Transformer, NamesAndLayoutsAreGpt2s) {
  const Instance instance = instance_of("gpt2");
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& tensor : instance.space->tensors()) shapes[tensor.name] = tensor.shape;
  const std::map<std::string, std::vector<int64_t>> expected = {
      {"wte.weight", {11, 6}}, {"wpe.weight", {9, 6}}, {"ln_f.weight", {6}}, {"ln_f.bias", {6}}};
  for (const auto& [name, shape] : expected) EXPECT_EQ(shapes.at(name), shape) << name;
  for (const std::string block : {"h.0.", "h.1."}) {
    EXPECT_EQ(shapes.at(block + "attn.c_attn.weight"), (std::vector<int64_t>{6, 18}));
    EXPECT_EQ(shapes.at(block + "attn.c_attn.bias"), (std::vector<int64_t>{18}));
    EXPECT_EQ(shapes.at(block + "attn.c_proj.weight"), (std::vector<int64_t>{6, 6}));
    EXPECT_EQ(shapes.at(block + "mlp.c_fc.weight"), (std::vector<int64_t>{6, 5}));
    EXPECT_EQ(shapes.at(block + "mlp.c_proj.weight"), (std::vector<int64_t>{5, 6}));
    EXPECT_EQ(shapes.at(block + "ln_2.bias"), (std::vector<int64_t>{6}));
  }
  EXPECT_EQ(shapes.size(), 2u + 2 + 2 * 12);
}

TEST(Transformer, NamesAndLayoutsAreLlamas) {
  const Instance instance = instance_of("llama_grouped");
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& tensor : instance.space->tensors()) shapes[tensor.name] = tensor.shape;
  EXPECT_EQ(shapes.at("model.embed_tokens.weight"), (std::vector<int64_t>{11, 6}));
  EXPECT_EQ(shapes.at("model.norm.weight"), (std::vector<int64_t>{6}));
  EXPECT_EQ(shapes.at("lm_head.weight"), (std::vector<int64_t>{11, 6}));
  for (const std::string block : {"model.layers.0.", "model.layers.1."}) {
    EXPECT_EQ(shapes.at(block + "self_attn.q_proj.weight"), (std::vector<int64_t>{8, 6}));
    EXPECT_EQ(shapes.at(block + "self_attn.k_proj.weight"), (std::vector<int64_t>{4, 6}));
    EXPECT_EQ(shapes.at(block + "self_attn.v_proj.weight"), (std::vector<int64_t>{4, 6}));
    EXPECT_EQ(shapes.at(block + "self_attn.o_proj.weight"), (std::vector<int64_t>{6, 8}));
    for (const char* name : {"mlp.gate_proj.weight", "mlp.up_proj.weight"}) {
      EXPECT_EQ(shapes.at(block + name), (std::vector<int64_t>{5, 6}));
    }
    EXPECT_EQ(shapes.at(block + "mlp.down_proj.weight"), (std::vector<int64_t>{6, 5}));
    EXPECT_EQ(shapes.at(block + "input_layernorm.weight"), (std::vector<int64_t>{6}));
    EXPECT_EQ(shapes.at(block + "post_attention_layernorm.weight"), (std::vector<int64_t>{6}));
  }
  EXPECT_EQ(shapes.size(), 3u + 2 * 9);
}

// GPT-2 once more, with LibTorch's own pieces and one member: an independent account of the same equations.
TEST(Transformer, ComputesWhatLibTorchsPiecesCompute) {
  const Instance instance = instance_of("gpt2");
  const auto network = make_network(instance);
  Members w = testing::random_members(instance.space, *network, 2, Rng(1));
  const at::Tensor x = tokens({1, 3, 7}, 2);
  const at::Tensor y = network->forward(w, x, Pass{});
  for (int64_t p = 0; p < 2; ++p) {
    const auto own = [&](const std::string& name) { return w[name][p]; };
    const auto affine = [&](const std::string& name, const at::Tensor& h) {
      return h.matmul(own(name + ".weight")) + own(name + ".bias");
    };
    const auto norm = [&](const std::string& name, const at::Tensor& h) {
      return at::layer_norm(h, {6}, own(name + ".weight"), own(name + ".bias"), 0.1);
    };
    at::Tensor h = at::embedding(own("wte.weight"), x[0]) + own("wpe.weight").slice(0, 0, 7);
    for (const std::string block : {"h.0.", "h.1."}) {
      const auto qkv =
          affine(block + "attn.c_attn", norm(block + "ln_1", h)).view({3, 7, 3, 2, 3}).permute({2, 0, 3, 1, 4});
      const at::Tensor read = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], {}, 0.0, true);
      h = h + affine(block + "attn.c_proj", read.transpose(1, 2).reshape({3, 7, 6}));
      h = h + affine(block + "mlp.c_proj", at::gelu(affine(block + "mlp.c_fc", norm(block + "ln_2", h)), "tanh"));
    }
    const at::Tensor expected = norm("ln_f", h).matmul(own("wte.weight").t());
    EXPECT_LT((y[p] - expected).abs().max().item<double>(), 1e-12);
  }
}

TEST(Transformer, NoPositionSeesTheFuture) {
  for (const char* name : {"gpt2", "llama_grouped"}) {
    const Instance instance = instance_of(name);
    const auto network = make_network(instance);
    Members w = testing::random_members(instance.space, *network, 2, Rng(1));
    const at::Tensor x = tokens({1, 3, 7}, 2);
    at::Tensor other = x.clone();
    other.select(2, 6).add_(1).remainder_(kVocabulary);
    const at::Tensor change = network->forward(w, x, Pass{}) - network->forward(w, other, Pass{});
    EXPECT_EQ(change.narrow(2, 0, 6).abs().max().item<double>(), 0.0);
    EXPECT_GT(change.select(2, 6).abs().max().item<double>(), 1e-3);
  }
}

TEST(Transformer, HeadsAreNotOneFlatLabel) {
  // The same flat label on both sides of the product, and on both sides of the values.
  EXPECT_GT(edited_error("gpt2_separate", "", "[h0=2, qk0@h0=3]", "flat=6"), 1e-3);
  EXPECT_GT(edited_error("gpt2_separate", "", "[h0=2, v0@h0=3]", "flat=6"), 1e-3);
}

TEST(Transformer, RotaryEntriesOfAHeadAreNotASymmetry) {
  EXPECT_GT(edited_error("llama", "layers.0.self_attn", "~rot=4", "qk0@h0=4"), 1e-3);
  EXPECT_GT(edited_error("llama_grouped", "layers.1.self_attn", "~rot=2", "qk1@g1=2"), 1e-3);
  // Without them they are: the learned positions of the same model leave them free.
  EXPECT_LT(edited_error("llama_learned_fused", "qkv_proj", "qk0", "k0"), 1e-10);
}

TEST(Transformer, SwappedAxesAreNotASymmetry) {
  // Both axes have six entries, so that sizes do not give the mistake away.
  EXPECT_GT(edited_error("gpt2", "h.0.attn.c_proj.weight", "[[h0=2, v0@h0=3], d=6]", "[d=6, [h0=2, v0@h0=3]]"), 1e-3);
  // Factors of the heads, entry before head.
  EXPECT_GT(edited_error("gpt2_separate", "attn.c_q", "[h0=2, qk0@h0=3]", "[qk0@h0=3, h0=2]"), 1e-3);
}

TEST(Transformer, EveryBlockWritesToTheSameStream) {
  EXPECT_GT(edited_error("gpt2", "h.1.", "d=6", "e=6"), 1e-3);
  EXPECT_GT(edited_error("llama", "model.layers.1.", "d=6", "e=6"), 1e-3);
  EXPECT_GT(edited_error("llama", "lm_head", "d=6", "e=6"), 1e-3);
}

TEST(Transformer, GroupsAreNotHeads) {
  // Every query of a group reads the same keys: queries of different groups may not mix.
  const Instance instance = instance_of("gpt2_grouped");
  EXPECT_GT(edited_error("gpt2_grouped", "h.0.attn.c_proj.weight", "[g0=2, r0@g0=2, v0@g0=2]", "[g0=2, r0@g0=2, u=2]"),
            1e-3);
  EXPECT_NE(to_text(*instance.space).find("[g0=2, r0@g0=2, qk0@g0=2] | [g0=2, qk0@g0=2] | [g0=2, v0@g0=2]"),
            std::string::npos)
      << to_text(*instance.space);
}

TEST(Transformer, ATiedHeadIsListedOnceAndNamesItsCopy) {
  const Instance tied = instance_of("gpt2"), untied = instance_of("gpt2_untied");
  EXPECT_EQ(tied.space->tensors()[0].tied, std::vector<std::string>{"lm_head.weight"});
  EXPECT_EQ(tied.space->tensors()[0].role, Role::table);
  EXPECT_EQ(tied.space->find("lm_head.weight"), -1);
  EXPECT_GE(untied.space->find("lm_head.weight"), 0);
}

TEST(Transformer, LeavesOutABiasThatTheSoftmaxCancels) {
  EXPECT_EQ(instance_of("gpt2_separate").space->find("h.0.attn.c_k.bias"), -1);
  EXPECT_GE(instance_of("gpt2_separate").space->find("h.0.attn.c_q.bias"), 0);
  EXPECT_GE(instance_of("llama_qkv_bias").space->find("model.layers.0.self_attn.k_proj.bias"), 0);  // rotary
}

TEST(Transformer, RecognizesTheUsualWidthOfAHead) {
  const auto recognized = [](const Values& values) {
    const Instance instance = instantiate(transformer(), values);
    NamedShapes shapes;
    for (const auto& tensor : instance.space->tensors()) shapes.emplace_back(tensor.name, tensor.shape);
    const auto found = transformer()->recognize(shapes);
    EXPECT_TRUE(found.has_value());
    return to_text(*instantiate(transformer(), found.value_or(values)).space) == to_text(*instance.space);
  };
  EXPECT_TRUE(recognized(
      {{"vocabulary", int64_t{50}}, {"layers", int64_t{1}}, {"width", int64_t{768}}, {"heads", int64_t{12}}}));
  EXPECT_TRUE(recognized({{"names", std::string("llama")},
                          {"vocabulary", int64_t{50}},
                          {"layers", int64_t{1}},
                          {"width", int64_t{1024}},
                          {"heads", int64_t{8}},
                          {"kv_heads", int64_t{2}},
                          {"mlp_width", int64_t{3584}}}));
}

TEST(Transformer, ListsEveryOptionOutOfRange) {
  try {
    instantiate(transformer(), {{"vocabulary", int64_t{0}},
                                {"layers", int64_t{1}},
                                {"width", int64_t{10}},
                                {"heads", int64_t{4}},
                                {"kv_heads", int64_t{3}}});
    FAIL() << "accepted four heads of width 10";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"vocabulary is at least 1", "heads = 4 divides width", "kv_heads divides heads = 4"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
  EXPECT_THROW(instantiate(transformer(), {{"names", std::string("llama")},
                                           {"vocabulary", int64_t{5}},
                                           {"layers", int64_t{1}},
                                           {"width", int64_t{6}},
                                           {"heads", int64_t{2}}}),
               Error);  // rotary positions on heads of width 3
}

TEST(Transformer, SaysWhatItExpectsOfAnInput) {
  const Instance instance = instance_of("gpt2");
  const auto network = make_network(instance);
  Members w = Members::zeros(instance.space, 2, at::kDouble);
  EXPECT_THROW(network->forward(w, tokens({1, 3, 10}, 1), Pass{}), Error);  // context = 9
  EXPECT_THROW(network->forward(w, tokens({3, 7}, 1), Pass{}), Error);
  EXPECT_THROW(network->forward(w, at::zeros({1, 3, 7}, at::kDouble), Pass{}), Error);
  EXPECT_THROW(network->forward(w, at::full({1, 3, 7}, kVocabulary, at::kLong), Pass{}), Error);
}

}  // namespace
}  // namespace nfopt
