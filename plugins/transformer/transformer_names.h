#pragma once

#include "transformer_shape.h"

#include <string>

namespace nfopt::transformer {

/// What the modules of a decoder are called; a parameter adds ".weight" or ".bias".
struct ModelNames {
  std::string embedding;
  std::string positions;
  std::string final_norm;
  std::string head;
};

struct BlockNames {
  std::string block;
  std::string attention_norm;
  std::string qkv;  ///< fused
  std::string q;
  std::string k;
  std::string v;
  std::string attention_out;
  std::string mlp_norm;
  std::string gate;
  std::string up;
  std::string down;
};

/// gpt2: transformers' GPT2Model, and c_q, c_k, c_v, c_gate where GPT-2 has no such module.
/// llama: transformers' LlamaForCausalLM, and qkv_proj, embed_positions where Llama has no such module.
ModelNames model_names(Names names);
BlockNames block_names(Names names, int64_t layer);

}  // namespace nfopt::transformer
