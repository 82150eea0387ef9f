#include "transformer_description.h"

#include "transformer_names.h"

#include <utility>

namespace nfopt::transformer {
namespace {

std::string label(const std::string& name, int64_t size) { return name + "=" + std::to_string(size); }

// Rows of the four maps of one attention layer. An entry of a head belongs to that head alone, so its label is nested.
// Rotary positions turn the pairs of a head with different speeds: there the entries of queries and keys are ordered.
struct HeadLabels {
  std::string q, k, v, out;

  HeadLabels(const TransformerShape& shape, int64_t layer) {
    const std::string i = std::to_string(layer);
    // Keys and values belong to a group of queries; without grouping, every head is its own group.
    const std::string name = (shape.grouped() ? "g" : "h") + i;
    const std::string group = label(name, shape.groups);
    const std::string queries = shape.grouped() ? label("r" + i + "@" + name, shape.heads / shape.groups) + ", " : "";
    const std::string qk = shape.positions == Positions::rotary ? label("~rot", shape.head_width)
                                                                : label("qk" + i + "@" + name, shape.head_width);
    const std::string value = label("v" + i + "@" + name, shape.head_width);
    q = "[" + group + ", " + queries + qk + "]";
    k = "[" + group + ", " + qk + "]";
    v = "[" + group + ", " + value + "]";
    out = "[" + group + ", " + queries + value + "]";
  }
};

class Description {
 public:
  explicit Description(const TransformerShape& shape) : shape_(shape), width_(label("d", shape.width)) {}

  void add(std::string name, Role role, const std::string& block, std::string axes) {
    TensorDescription tensor;
    tensor.name = std::move(name);
    tensor.role = role;
    tensor.block = block;
    tensor.axes = std::move(axes);
    tensors_.push_back(std::move(tensor));
  }

  void norm(const std::string& name, const std::string& block) {
    add(name + ".weight", Role::scale, block, "[" + width_ + "]");
    if (shape_.norm == Norm::layer_norm) add(name + ".bias", Role::bias, block, "[" + width_ + "]");
  }

  // A map to `rows` from `columns`. GPT-2 stores it transposed (transformers' Conv1D).
  void linear(const std::string& name, const std::string& block, const std::string& rows, const std::string& columns,
              bool bias) {
    if (shape_.names == Names::gpt2) {
      add(name + ".weight", Role::weight, block, "[" + columns + ", " + rows + "]");
      tensors_.back().slots = {Slot::input, Slot::output};
    } else {
      add(name + ".weight", Role::weight, block, "[" + rows + ", " + columns + "]");
    }
    if (bias) add(name + ".bias", Role::bias, block, "[" + rows + "]");
  }

  void block(int64_t layer) {
    const BlockNames names = block_names(shape_.names, layer);
    const HeadLabels heads(shape_, layer);
    const std::string hidden = label("f" + std::to_string(layer), shape_.mlp_width);
    const bool all = shape_.all_biases();
    norm(names.attention_norm, names.block);
    if (shape_.fused_qkv) {
      linear(names.qkv, names.block, heads.q + " | " + heads.k + " | " + heads.v, width_, shape_.qkv_bias());
    } else {
      linear(names.q, names.block, heads.q, width_, shape_.qkv_bias());
      linear(names.k, names.block, heads.k, width_, shape_.key_bias());
      linear(names.v, names.block, heads.v, width_, shape_.qkv_bias());
    }
    linear(names.attention_out, names.block, width_, heads.out, all);
    norm(names.mlp_norm, names.block);
    if (shape_.mlp == Mlp::swiglu) linear(names.gate, names.block, hidden, width_, all);
    linear(names.up, names.block, hidden, width_, all);
    linear(names.down, names.block, width_, hidden, all);
  }

  std::vector<TensorDescription> all() {
    const ModelNames names = model_names(shape_.names);
    const std::string table = "[" + label("~voc", shape_.vocabulary) + ", " + width_ + "]";
    add(names.embedding + ".weight", Role::table, names.embedding, table);
    if (shape_.tied_head) tensors_.back().tied = {names.head + ".weight"};
    if (shape_.positions == Positions::learned) {
      add(names.positions + ".weight", Role::table, names.positions,
          "[" + label("~pos", shape_.context) + ", " + width_ + "]");
    }
    for (int64_t layer = 0; layer < shape_.layers; ++layer) block(layer);
    if (shape_.norm_position == NormPosition::pre) norm(names.final_norm, names.final_norm);
    if (!shape_.tied_head) add(names.head + ".weight", Role::weight, names.head, table);
    return std::move(tensors_);
  }

 private:
  const TransformerShape& shape_;
  std::string width_;  // everything that is added to the residual stream is one label
  std::vector<TensorDescription> tensors_;
};

}  // namespace

std::vector<TensorDescription> transformer_description(const TransformerShape& shape) {
  return Description(shape).all();
}

}  // namespace nfopt::transformer
