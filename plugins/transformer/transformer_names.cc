#include "transformer_names.h"

namespace nfopt::transformer {

ModelNames model_names(Names names) {
  if (names == Names::gpt2) return {"wte", "wpe", "ln_f", "lm_head"};
  return {"model.embed_tokens", "model.embed_positions", "model.norm", "lm_head"};
}

BlockNames block_names(Names names, int64_t layer) {
  if (names == Names::gpt2) {
    const std::string block = "h." + std::to_string(layer);
    return {.block = block,
            .attention_norm = block + ".ln_1",
            .qkv = block + ".attn.c_attn",
            .q = block + ".attn.c_q",
            .k = block + ".attn.c_k",
            .v = block + ".attn.c_v",
            .attention_out = block + ".attn.c_proj",
            .mlp_norm = block + ".ln_2",
            .gate = block + ".mlp.c_gate",
            .up = block + ".mlp.c_fc",
            .down = block + ".mlp.c_proj"};
  }
  const std::string block = "model.layers." + std::to_string(layer);
  return {.block = block,
          .attention_norm = block + ".input_layernorm",
          .qkv = block + ".self_attn.qkv_proj",
          .q = block + ".self_attn.q_proj",
          .k = block + ".self_attn.k_proj",
          .v = block + ".self_attn.v_proj",
          .attention_out = block + ".self_attn.o_proj",
          .mlp_norm = block + ".post_attention_layernorm",
          .gate = block + ".mlp.gate_proj",
          .up = block + ".mlp.up_proj",
          .down = block + ".mlp.down_proj"};
}

}  // namespace nfopt::transformer
