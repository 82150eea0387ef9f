// Every family of docs/weight-spaces.md, once. A new family is one entry: it is then parsed, printed, read back, moved
// by its groups and checked against brute force (weight_space_test, text_test, group_action_test).

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt::testing {
namespace {

TensorDescription sliced(std::string name, std::vector<int64_t> shape, std::vector<SliceDescription> views) {
  TensorDescription description = tensor(std::move(name), std::move(shape), "");
  description.views = std::move(views);
  return description;
}

TensorDescription stacked(std::string name, std::vector<int64_t> shape, std::string axes, std::string over,
                          std::string of) {
  TensorDescription description = tensor(std::move(name), std::move(shape), std::move(axes));
  description.stack = StackDescription{std::move(over), std::move(of)};
  return description;
}

TensorDescription buffer(TensorDescription description) {
  description.kind = Kind::buffer;
  description.role = Role::stat;
  return description;
}

}  // namespace

std::vector<DescribedSpace> described_spaces() {
  return {
      {"mlp",
       {tensor("w1", {4, 3}, "[h1, ~in]"), tensor("w2", {5, 4}, "[h2, h1]"), tensor("w3", {2, 5}, "[~cls, h2]"),
        tensor("b1", {4}, "[h1]"), tensor("b2", {5}, "[h2]"), tensor("b3", {2}, "[~cls]")}},
      {"prelu_and_weight_norm",
       {tensor("slope", {4}, "[h]"), tensor("g", {4, 1}, "[h, *1]"), tensor("v", {4, 3}, "[h, h_prev]")}},
      {"cnn",
       {tensor("conv1", {4, 3, 3, 3}, "[c1, ~rgb, *, *]"), tensor("conv2", {5, 4, 3, 3}, "[c2, c1, *, *]"),
        tensor("b1", {4}, "[c1]"), tensor("b2", {5}, "[c2]"), tensor("fc", {2, 5}, "[~cls, c2]")}},
      {"cnn_flatten_nchw",
       {tensor("conv", {4, 3, 3, 3}, "[c2, ~rgb, *, *]"), tensor("fc", {2, 24}, "[~cls, [c2, ~pix]]")}},
      {"cnn_flatten_nhwc",
       {tensor("conv", {4, 3, 3, 3}, "[c2, ~rgb, *, *]"), tensor("fc", {2, 24}, "[~cls, [~pix, c2]]")}},
      {"conv_transpose",
       {with(tensor("deconv", {3, 4, 2, 2}, "[c_in, c_out, *, *]"),
             [](auto& t) {
               t.slots = {Slot::input, Slot::output, Slot::neither, Slot::neither};
             }),
        tensor("grouped", {6, 4, 2, 2}, "[[g=2, ci@g], co@g, *, *]"), tensor("bias", {8}, "[[g, co@g]]")}},
      {"grouped_conv",
       {tensor("producer", {6, 3, 2, 2}, "[[g=2, ci@g], ~rgb, *, *]"),
        tensor("conv", {8, 3, 2, 2}, "[[g, co@g], ci@g, *, *]"),
        tensor("consumer", {2, 8, 2, 2}, "[~out, [g, co@g], *, *]"),
        tensor("shuffled", {2, 8, 1, 1}, "[~out, [co@g, g], *, *]")}},
      {"depthwise",
       {tensor("conv", {4, 1, 3, 3}, "[c, *1, *, *]"), tensor("multiplied", {8, 1, 3, 3}, "[[c, m@c], *1, *, *]")}},
      {"batch_norm",
       {with(tensor("weight", {4}, "[c]"), [](auto& t) { t.role = Role::scale; }),
        with(tensor("bias", {4}, "[c]"), [](auto& t) { t.role = Role::bias; }),
        buffer(tensor("running_mean", {4}, "[c]")), buffer(tensor("running_var", {4}, "[c]")),
        buffer(tensor("num_batches_tracked", {}, "[]"))}},
      {"layer_norm", {tensor("features", {4}, "[d]"), tensor("image", {4, 2, 3}, "[c, ~y, ~x]")}},
      {"resnet_down_block",
       {tensor("conv1", {4, 3, 3, 3}, "[i, r0, *, *]"), tensor("conv2", {5, 4, 3, 3}, "[r1, i, *, *]"),
        tensor("bn2", {5}, "[r1]"), tensor("shortcut", {5, 3, 1, 1}, "[r1, r0, *, *]")}},
      {"group_norm_resnet",
       {tensor("conv1", {6, 6, 2, 2}, "[[gi=2, i@gi], [gr=3, r@gr], *, *]"), tensor("gn1", {6}, "[[gi, i@gi]]"),
        tensor("conv2", {6, 6, 2, 2}, "[[gr, r@gr], [gi, i@gi], *, *]")}},
      {"group_norm_stream", {tensor("conv", {6, 6, 2, 2}, "[[g=3, c@g], [g, c@g], *, *]")}},
      {"concat",
       {tensor("a", {3}, "[a]"), tensor("b", {2}, "[b]"), tensor("dec", {4, 5, 2, 2}, "[c, a|b, *, *]"),
        tensor("residual", {5, 5, 1, 1}, "[a|b, a|b, *, *]")}},
      {"swiglu", {tensor("gate", {5, 3}, "[f, d]"), tensor("up", {5, 3}, "[f, d]"), tensor("down", {3, 5}, "[d, f]")}},
      {"bidirectional_lstm",
       {tensor("weight_ih_l0", {12, 2}, "[[*4, f0], ~in]"), tensor("weight_hh_l0", {12, 3}, "[[*4, f0], f0]"),
        tensor("bias_ih_l0", {12}, "[[*4, f0]]"), tensor("weight_ih_l0_reverse", {12, 2}, "[[*4, b0], ~in]"),
        tensor("weight_hh_l0_reverse", {12, 3}, "[[*4, b0], b0]"), tensor("weight_ih_l1", {12, 6}, "[[*4, f1], f0|b0]"),
        tensor("weight_hh_l1", {12, 3}, "[[*4, f1], f1]")}},
      {"projected_lstm",
       {tensor("weight_hh_l0", {12, 2}, "[[*4, h0], p0]"), tensor("weight_hr_l0", {2, 3}, "[p0, h0]"),
        tensor("h0", {1, 1, 3}, "[*1, *1, h0]")}},
      {"initial_states_of_two_layers",
       {sliced("states", {2, 1, 3}, {{0, 0, 1, "[*1, *1, a]"}, {0, 1, 2, "[*1, *1, b]"}}),
        tensor("w", {3, 3}, "[b, a]")}},
      {"vanilla_rnn", {tensor("ih", {4, 3}, "[h0, ~in]"), tensor("hh", {4, 4}, "[h0, h0]")}},
      {"attention",
       {tensor("q", {6, 5}, "[[h=2, qk@h], d]"), tensor("k", {6, 5}, "[[h, qk@h], d]"),
        tensor("q_bias", {6}, "[[h, qk@h]]"), tensor("v", {4, 5}, "[[h, v@h], d]"),
        tensor("o", {5, 4}, "[d, [h, v@h]]"), tensor("bias_k", {1, 1, 6}, "[*1, *1, [h, qk@h]]")}},
      {"fused_attention",
       {tensor("in_proj", {16, 5}, "[[h=2, qk@h] | [h, qk@h] | [h, v@h], d]"),
        tensor("in_proj_bias", {16}, "[[h, qk@h] | [h, qk@h] | [h, v@h]]"),
        tensor("out_proj", {5, 4}, "[d, [h, v@h]]")}},
      {"transposed_attention",
       {with(tensor("c_attn", {5, 16}, "[d, [h=2, qk@h] | [h, qk@h] | [h, v@h]]"),
             [](auto& t) {
               t.slots = {Slot::input, Slot::output};
             }),
        tensor("o", {5, 4}, "[d, [h, v@h]]")}},
      {"interleaved_attention",
       {tensor("qkv", {16, 5}, "[[h=2, qk@h | qk@h | v@h], d]"), tensor("o", {5, 4}, "[d, [h, v@h]]")}},
      {"cross_attention",
       {tensor("q", {6, 5}, "[[h=2, qk@h], d]"), tensor("k", {6, 3}, "[[h, qk@h], mk]"),
        tensor("v", {4, 2}, "[[h, v@h], mv]")}},
      {"fused_cross_attention",
       {sliced("in_proj", {16, 5},
               {{0, 0, 6, "[[h=2, qk@h], d]"}, {0, 6, 12, "[[h, qk@h], m]"}, {0, 12, 16, "[[h, v@h], m]"}}),
        tensor("d", {5}, "[d]"), tensor("m", {5}, "[m]")}},
      {"grouped_query_attention",
       {tensor("q", {8, 5}, "[[g=2, r@g=2, qk@g], d]"), tensor("k", {4, 5}, "[[g, qk@g], d]"),
        tensor("v", {6, 5}, "[[g, v@g], d]"), tensor("o", {5, 12}, "[d, [g, r@g, v@g]]")}},
      {"rotary",
       {tensor("q", {12, 5}, "[[g=2, r@g=2, ~rot], d]"), tensor("k", {6, 5}, "[[g, ~rot], d]"),
        tensor("v", {4, 5}, "[[g, v@g], d]")}},
      {"shared_qk_norm",
       {tensor("q", {6, 5}, "[[h=2, qk], d]"), tensor("k", {6, 5}, "[[h, qk], d]"), tensor("q_norm", {3}, "[qk]")}},
      {"alibi",
       {tensor("q", {6, 5}, "[[*head=2, qk@*head], d]"), tensor("v", {4, 5}, "[[*head, v@*head], d]"),
        tensor("o", {5, 4}, "[d, [*head, v@*head]]")}},
      {"relative_bias", {tensor("table", {7, 2}, "[~dist, h]"), tensor("q", {6, 5}, "[[h, qk@h], d]")}},
      {"language_model",
       {with(tensor("wte", {7, 4}, "[~voc, d]"), [](auto& t) { t.role = Role::table, t.tied = {"lm_head.weight"}; }),
        with(tensor("wpe", {6, 4}, "[~pos, d]"), [](auto& t) { t.role = Role::table; }),
        with(tensor("blocks.0.fc", {5, 4}, "[f, d]"), [](auto& t) { t.block = "blocks.0"; }),
        tensor("ln_f", {4}, "[d]")}},
      {"vision_transformer",
       {tensor("patch.weight", {4, 3, 2, 2}, "[d, ~rgb, ~py, ~px]"), tensor("cls_token", {1, 1, 4}, "[*1, *1, d]"),
        tensor("pos_embed", {1, 5, 4}, "[*1, ~pos, d]"), tensor("head.weight", {2, 4}, "[~cls, d]")}},
      {"mixture_of_experts",
       {tensor("router", {3, 4}, "[e, d]"), tensor("up", {3, 5, 4}, "[e, f@e, d]"),
        tensor("down", {3, 4, 5}, "[e, d, f@e]")}},
      {"stacked_experts",
       {tensor("router", {3, 4}, "[e, d]"), stacked("up", {5, 4}, "[f@e, d]", "e", "experts.{i}.up"),
        stacked("down", {4, 5}, "[d, f@e]", "e", "experts.{i}.down")}},
      {"stack_of_fused_heads",
       {stacked("qv", {5, 4}, "[k@h | v@h, d]", "h=2", "heads.{i}.qv"), tensor("o", {4, 6}, "[d, [h, v@h]]")}},
      {"child_as_parent", {tensor("w", {2, 6, 3}, "[a, [b@a=2, c@b], c@b]"), tensor("u", {12}, "[[a, b@a, c@b]]")}},
      {"stated_occurrence", {tensor("w", {2, 2, 3, 3}, "[h, h, x@h.1, x@h.0]")}},
      {"repeated_labels", {tensor("w", {3, 3, 3}, "[p, p, p]"), tensor("u", {3, 2}, "[p, ~q]")}},
  };
}

}  // namespace nfopt::testing
