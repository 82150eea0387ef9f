#include <ATen/Parallel.h>
#include <nfopt/nflayers/kernels/aten/block_map.h>
#include <nfopt/nflayers/kernels/aten/coefficient_map.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/features/channel_product.h>
#include <torch/autograd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace nfopt {

struct BlockMap::Blocks {
  std::vector<std::vector<int64_t>> shapes;  // of the parameters
  std::vector<bool> covered;                 // every entry of the parameter is in exactly one first block
  std::vector<CoefficientBlock> blocks;      // axes of size 1 gone, neighbours that move together joined
  int64_t targets = 0;
  int64_t grain = 0;  // blocks per thread where they are many, small and disjoint, else 0
};

namespace {

constexpr int64_t kSmall = 1 << 15;  // entries that are worth a thread

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using BlocksPtr = std::shared_ptr<const BlockMap::Blocks>;

int64_t entries(const CoefficientBlock& block) {
  int64_t n = 1;
  for (const BlockAxis& axis : block.axes) n *= axis.size;
  return n;
}

bool repeats(const CoefficientBlock& block) {
  return std::any_of(block.axes.begin(), block.axes.end(), [](const BlockAxis& a) { return a.source == 0; });
}

std::vector<BlockAxis> joined(const std::vector<BlockAxis>& axes) {
  std::vector<BlockAxis> result;
  for (const BlockAxis& axis : axes) {
    if (axis.size == 1) continue;
    if (!result.empty() && result.back().source == axis.size * axis.source &&
        result.back().target == axis.size * axis.target) {
      result.back() = {result.back().size * axis.size, axis.source, axis.target};
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

// The same block from the point of view of what is read and what is written.
struct Move {
  struct Axis {
    int64_t size;
    int64_t from;
    int64_t to;
  };
  std::vector<Axis> axes;
  int64_t from = 0;
  int64_t to = 0;
  double scale = 1.0;
  bool add = false;
};

Move forwards(const CoefficientBlock& block) {
  Move move{{}, block.source, block.target, block.scale, !block.first_on_target};
  for (const BlockAxis& axis : block.axes) move.axes.push_back({axis.size, axis.source, axis.target});
  return move;
}

Move backwards(const CoefficientBlock& block) {
  Move move{{}, block.target, block.source, block.scale, !block.first_on_source};
  for (const BlockAxis& axis : block.axes) move.axes.push_back({axis.size, axis.target, axis.source});
  return move;
}

template <class T>
void run_row(const T* from, T* to, const Move::Axis& axis, T scale, bool add) {
  if (axis.from == 1 && axis.to == 1) {
    if (add) {
      for (int64_t i = 0; i < axis.size; ++i) to[i] += scale * from[i];
    } else {
      for (int64_t i = 0; i < axis.size; ++i) to[i] = scale * from[i];
    }
  } else if (add) {
    for (int64_t i = 0; i < axis.size; ++i) to[i * axis.to] += scale * from[i * axis.from];
  } else {
    for (int64_t i = 0; i < axis.size; ++i) to[i * axis.to] = scale * from[i * axis.from];
  }
}

template <class T>
void run_axes(const T* from, T* to, const Move::Axis* axis, const Move::Axis* last, T scale, bool add) {
  if (axis == last) return run_row(from, to, *axis, scale, add);
  for (int64_t i = 0; i < axis->size; ++i)
    run_axes(from + i * axis->from, to + i * axis->to, axis + 1, last, scale, add);
}

template <class T>
void run(const Move& move, const T* from, T* to) {
  from += move.from;
  to += move.to;
  const T scale = static_cast<T>(move.scale);
  std::vector<Move::Axis> axes = move.axes;
  if (axes.empty()) axes.push_back({1, 1, 1});
  int64_t inner = 1;
  for (size_t a = 1; a < axes.size(); ++a) inner *= axes[a].size;
  if constexpr (std::is_same_v<T, float>) {
    if (axes.size() == 2 && !move.add && axes[0].from == 1 && axes[1].to == 1 && axes[0].size * axes[1].size <= kSmall)
      return cpu::copy_transposed(from, axes[1].from, axes[0].size, axes[1].size, scale, to, axes[0].to);
    if (axes.size() == 2 && !move.add && axes[1].from == 1 && axes[0].to == 1 && axes[0].size * axes[1].size <= kSmall)
      return cpu::copy_transposed(from, axes[0].from, axes[1].size, axes[0].size, scale, to, axes[1].to);
  }
  const bool parallel = axes.size() > 1 && axes[0].to != 0 && axes[0].size * inner > kSmall;
  if (!parallel) return run_axes(from, to, axes.data(), &axes.back(), scale, move.add);
  at::parallel_for(0, axes[0].size, std::max<int64_t>(1, kSmall / inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      run_axes(from + i * axes[0].from, to + i * axes[0].to, axes.data() + 1, &axes.back(), scale, move.add);
  });
}

// Any device and type. What is written to several times is summed first.
void run_aten(const Move& move, const at::Tensor& from, const at::Tensor& to) {
  std::vector<int64_t> sizes, strides, summed, to_sizes, to_strides;
  for (size_t a = 0; a < move.axes.size(); ++a) {
    sizes.push_back(move.axes[a].size);
    strides.push_back(move.axes[a].from);
    if (move.axes[a].to == 0) {
      summed.push_back(static_cast<int64_t>(a));
    } else {
      to_sizes.push_back(move.axes[a].size);
      to_strides.push_back(move.axes[a].to);
    }
  }
  at::Tensor x = from.as_strided(sizes, strides, from.storage_offset() + move.from);
  if (!summed.empty()) x = x.sum(summed);
  at::Tensor y = to.as_strided(to_sizes, to_strides, to.storage_offset() + move.to);
  if (move.add) {
    y.add_(x, move.scale);
  } else if (move.scale == 1.0) {
    y.copy_(x);
  } else {
    y.copy_(x * move.scale);
  }
}

bool plain(const at::Tensor& t) {
  return t.device().is_cpu() && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble);
}

void run_member(const Move& move, const at::Tensor& from, const at::Tensor& to, int64_t member) {
  if (!plain(from)) return run_aten(move, from[member], to[member]);
  if (from.scalar_type() == at::kFloat)
    return run(move, from.const_data_ptr<float>() + member * from.stride(0),
               to.mutable_data_ptr<float>() + member * to.stride(0));
  run(move, from.const_data_ptr<double>() + member * from.stride(0),
      to.mutable_data_ptr<double>() + member * to.stride(0));
}

// Small blocks are dealt out to the threads; large ones divide their own work.
template <class F>
void for_each_block(const BlockMap::Blocks& map, const at::Tensor& values, const F& f) {
  const int64_t blocks = static_cast<int64_t>(map.blocks.size()), count = values.size(0) * blocks;
  const auto some = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(map.blocks[i % blocks], i / blocks);
  };
  if (map.grain > 0 && plain(values))
    at::parallel_for(0, count, map.grain, some);
  else
    some(0, count);
}

at::Tensor assemble(const BlockMap::Blocks& map, const variable_list& parameters) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& p : parameters) flat.push_back(p.contiguous().flatten(1));
  const at::Tensor values = aten::recycled({flat.front().size(0), map.targets}, flat.front().options());
  for_each_block(map, values, [&](const CoefficientBlock& block, int64_t member) {
    if (block.parameter >= 0) return run_member(forwards(block), flat[block.parameter], values, member);
    std::vector<int64_t> sizes, strides;
    for (const BlockAxis& axis : block.axes) {
      sizes.push_back(axis.size);
      strides.push_back(axis.target);
    }
    values.as_strided(sizes, strides, values.storage_offset() + member * values.stride(0) + block.target).zero_();
  });
  return values;
}

variable_list split(const BlockMap::Blocks& map, const at::Tensor& given) {
  const at::Tensor values = given.contiguous();
  const int64_t members = values.size(0);
  variable_list grads, flat;
  for (size_t p = 0; p < map.shapes.size(); ++p) {
    std::vector<int64_t> sizes = {members};
    sizes.insert(sizes.end(), map.shapes[p].begin(), map.shapes[p].end());
    grads.push_back(map.covered[p] ? aten::recycled(sizes, values.options()) : at::zeros(sizes, values.options()));
    flat.push_back(grads.back().flatten(1));
  }
  for_each_block(map, values, [&](const CoefficientBlock& block, int64_t member) {
    if (block.parameter < 0) return;
    Move move = backwards(block);
    if (plain(values) && repeats(block)) {  // several coefficients of one number: start from zero and add
      if (!move.add) {
        std::vector<int64_t> sizes, strides;
        for (const Move::Axis& axis : move.axes) {
          if (axis.to == 0) continue;
          sizes.push_back(axis.size);
          strides.push_back(axis.to);
        }
        const at::Tensor& t = flat[block.parameter];
        t.as_strided(sizes, strides, t.storage_offset() + member * t.stride(0) + move.to).zero_();
      }
      move.add = true;
    }
    run_member(move, values, flat[block.parameter], member);
  });
  return grads;
}

struct Capsule : torch::CustomClassHolder {
  explicit Capsule(BlocksPtr given) : blocks(std::move(given)) {}
  BlocksPtr blocks;
};

BlocksPtr blocks_of(AutogradContext* ctx) {
  return c10::static_intrusive_pointer_cast<Capsule>(ctx->saved_data["blocks"].toCapsule())->blocks;
}

void keep(AutogradContext* ctx, const BlocksPtr& blocks) {
  ctx->saved_data["blocks"] = c10::IValue::make_capsule(c10::make_intrusive<Capsule>(blocks));
}

// The map and its transpose are each other's derivative.
struct AssembleNode : torch::autograd::Function<AssembleNode> {
  static at::Tensor forward(AutogradContext* ctx, at::TensorList parameters, const BlocksPtr& blocks);
  static variable_list backward(AutogradContext* ctx, const variable_list& grads);
};

struct SplitNode : torch::autograd::Function<SplitNode> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& values, const BlocksPtr& blocks) {
    keep(ctx, blocks);
    return split(*blocks, values);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    return {AssembleNode::apply(at::TensorList(grads), blocks_of(ctx)), {}};
  }
};

at::Tensor AssembleNode::forward(AutogradContext* ctx, at::TensorList parameters, const BlocksPtr& blocks) {
  keep(ctx, blocks);
  return assemble(*blocks, parameters.vec());
}

variable_list AssembleNode::backward(AutogradContext* ctx, const variable_list& grads) {
  const BlocksPtr blocks = blocks_of(ctx);
  variable_list result = at::GradMode::is_enabled() ? SplitNode::apply(grads[0], blocks) : split(*blocks, grads[0]);
  result.emplace_back();  // of the blocks
  return result;
}

}  // namespace

// Elsewhere than on the CPU every block would be a launch of its own: there, one gather through a table.
class BlockMap::Table {
 public:
  explicit Table(BlockLayout layout) : layout_(std::move(layout)) {}

  const CoefficientMap& map() const {
    std::call_once(once_, [&] { map_.emplace(index_map(layout_)); });
    return *map_;
  }

 private:
  BlockLayout layout_;
  mutable std::once_flag once_;
  mutable std::optional<CoefficientMap> map_;
};

BlockMap::BlockMap(const BlockLayout& layout) {
  auto blocks = std::make_shared<Blocks>();
  blocks->targets = layout.targets;
  std::vector<int64_t> held(layout.parameters.size(), 0);
  for (CoefficientBlock block : layout.blocks) {
    if (block.parameter >= 0 && block.first_on_source) {
      int64_t n = 1;
      for (const BlockAxis& axis : block.axes) n *= axis.source == 0 ? 1 : axis.size;
      held[block.parameter] += n;
    }
    block.axes = joined(block.axes);
    if (entries(block) > 0) blocks->blocks.push_back(std::move(block));
  }
  for (size_t p = 0; p < held.size(); ++p) {
    int64_t numel = 1;
    for (int64_t size : layout.parameters[p].shape) numel *= size;
    blocks->covered.push_back(held[p] == numel);
    blocks->shapes.push_back(layout.parameters[p].shape);
  }
  const bool disjoint = std::all_of(blocks->blocks.begin(), blocks->blocks.end(), [](const CoefficientBlock& b) {
    return b.parameter < 0 || (b.first_on_target && b.first_on_source && !repeats(b));
  });
  const int64_t mean = blocks->targets / std::max<int64_t>(1, static_cast<int64_t>(blocks->blocks.size()));
  if (disjoint && mean < kSmall) blocks->grain = kSmall / std::max<int64_t>(1, mean);
  if (mean < kSmall) table_ = std::make_shared<const Table>(layout);
  blocks_ = std::move(blocks);
}

at::Tensor BlockMap::operator()(const std::vector<at::Tensor>& given) const {
  if (table_ && !given.front().is_cpu()) return table_->map()(given);
  int64_t members = 1;
  bool graph = false;
  for (const at::Tensor& p : given) {
    members = std::max(members, p.size(0));
    graph = graph || p.requires_grad();
  }
  variable_list parameters;
  parameters.reserve(given.size());
  for (const at::Tensor& p : given) {
    if (p.size(0) == members) {
      parameters.push_back(p);
      continue;
    }
    std::vector<int64_t> sizes = p.sizes().vec();
    sizes[0] = members;
    parameters.push_back(p.expand(sizes));
  }
  if (graph && at::GradMode::is_enabled()) return AssembleNode::apply(at::TensorList(parameters), blocks_);
  return assemble(*blocks_, parameters);
}

std::vector<at::Tensor> BlockMap::transposed(const at::Tensor& values) const {
  if (values.requires_grad() && at::GradMode::is_enabled()) return SplitNode::apply(values, blocks_);
  return split(*blocks_, values);
}

}  // namespace nfopt
