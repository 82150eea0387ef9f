#include <nfopt/nflayers/kernels/aten/halves.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <torch/types.h>

namespace nfopt::aten {
namespace {

std::vector<int64_t> shape_of(const Frame& frame, int64_t channels, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> shape = {frame.members, frame.batch, channels};
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  return shape;
}

// The block of a product [P, B, O, sizes...] that belongs to one half, in the half's own axis order.
at::Tensor block_of(const at::Tensor& product, const Block& block, int64_t channels, int64_t first_channel) {
  std::vector<int64_t> sizes = {product.size(0), product.size(1), channels};
  std::vector<int64_t> strides = {product.stride(0), product.stride(1), product.stride(2)};
  sizes.resize(3 + block.order.size());
  strides.resize(3 + block.order.size());
  for (size_t j = 0; j < block.order.size(); ++j) {
    sizes[3 + block.order[j]] = product.size(static_cast<int64_t>(3 + j));
    strides[3 + block.order[j]] = product.stride(static_cast<int64_t>(3 + j));
  }
  return product.as_strided(sizes, strides, product.storage_offset() + first_channel * product.stride(2));
}

// Views are made before anything is written through their base. Under grad mode such a view still believes to be
// outside the graph; asking for its grad_fn tells it, so that it can be written in place.
const at::Tensor& target(const at::Tensor& view) {
  if (at::GradMode::is_enabled()) view.grad_fn();
  return view;
}

class Expansion {
 public:
  Expansion(const Plan& plan, const Side& side, const Frame& frame)
      : plan_(plan), side_(side), frame_(frame), halves_(side.halves.size()) {}

  void run(int s, const at::Tensor& bias, const Multiply& multiply) {
    const Signature& signature = plan_.signatures[s];
    const auto& blocks = signature.*side_.blocks;
    if (blocks.empty()) return;
    Start start;
    const at::Tensor product =
        recycled(shape_of(frame_, signature.*side_.channels * frame_.channels, signature.sizes), frame_.options);
    std::vector<at::Tensor> parts, repeated;  // repeated: further alignments of a half that has a part already
    std::vector<int> owner;                   // half of every part, -1: repeated
    start.there = bias.defined() && s == 0;
    for (const Block& block : blocks) {
      const Half& half = side_.halves[block.half];
      parts.push_back(block_of(product, block, plan_.views[half.view].folded_size * frame_.channels,
                               block.channel * frame_.channels));
      const bool first = !halves_[block.half].defined();
      owner.push_back(first ? block.half : -1);
      if (first) halves_[block.half] = parts.back();
      start.there = start.there || !half.children.empty();
    }
    const bool later = blocks.size() == 1 && broadcast(side_.halves[blocks[0].half], blocks[0], start);
    if (start.there && !later) {
      size_t first = 0;
      if (bias.defined() && s == 0) {  // its first blocks are the smallest halves of all views
        const int64_t channels = plan_.bias_channels * frame_.channels;
        product.narrow(2, 0, channels).copy_(bias.unsqueeze(1));
        first = plan_.views.size();
      }
      for (size_t i = first; i < parts.size(); ++i) fill(parts[i], owner[i]);
    }
    multiply(s, product, start);
    for (size_t i = 0; i < parts.size(); ++i)
      if (owner[i] < 0) target(halves_[blocks[i].half]).add_(parts[i]);
  }

  at::Tensor view(const PlanView& view) const {
    at::Tensor result;
    for (int index : view.*side_.of_view) {
      const Half& half = side_.halves[index];
      if (half.parent >= 0) continue;
      if (!result.defined() && half.kept.size() == view.axes.size()) {  // the first half, if any: the view itself
        result = halves_[index];
        continue;
      }
      if (!result.defined()) result = zeros(view);
      diagonal(result, half.cells).add_(with_dropped_axes(half, halves_[index]));
    }
    return result.defined() ? result : zeros(view);  // nothing reads or writes this view
  }

 private:
  // A matrix that starts from what is broadcast along its columns and along its rows: left to its product.
  bool broadcast(const Half& half, const Block& block, Start& start) const {
    if (at::GradMode::is_enabled() || half.kept.size() != 2 || block.order[0] != 0 || half.children.size() != 2)
      return false;
    for (int child : half.children) {
      const std::vector<int>& dropped = side_.halves[child].dropped;
      if (dropped.size() == 1) (dropped[0] == 1 ? start.along_columns : start.along_rows) = halves_[child];
    }
    if (!start.along_columns.defined() || !start.along_rows.defined()) {
      start = {true, {}, {}};
      return false;
    }
    start.there = false;
    return true;
  }

  // Fills a part with everything smaller, before its product is added.
  void fill(const at::Tensor& view, int half) const {
    const at::Tensor& part = target(view);
    if (half < 0 || side_.halves[half].children.empty()) {
      part.zero_();
      return;
    }
    std::vector<at::Tensor> smaller;
    for (int child : side_.halves[half].children)
      smaller.push_back(with_dropped_axes(side_.halves[child], halves_[child]));
    size_t next = 1;
    if (smaller.size() > 1 && !at::GradMode::is_enabled()) {  // autograd has no derivative for `out`
      at::Tensor out = part;
      at::add_out(out, smaller[0], smaller[1]);
      next = 2;
    } else {
      part.copy_(smaller[0]);
    }
    for (; next < smaller.size(); ++next) target(part).add_(smaller[next]);
  }

  static at::Tensor with_dropped_axes(const Half& half, at::Tensor x) {
    for (int axis : half.dropped) x = x.unsqueeze(3 + axis);  // ascending, so that positions are final
    return x;
  }

  at::Tensor zeros(const PlanView& view) const {
    std::vector<int64_t> sizes;
    for (const PlanAxis& axis : view.axes) sizes.push_back(axis.size);
    return at::zeros(shape_of(frame_, frame_.channels * view.folded_size, sizes), frame_.options);
  }

  const Plan& plan_;
  const Side& side_;
  const Frame& frame_;
  std::vector<at::Tensor> halves_;
};

}  // namespace

bool write_start(const Start& start, const at::Tensor& y) {
  if (!start.along_columns.defined()) return start.there;
  at::Tensor out = y;
  at::add_out(out, start.along_columns.unsqueeze(4), start.along_rows.unsqueeze(3));
  return true;
}

std::vector<at::Tensor> expand(const Plan& plan, const Side& side, const Frame& frame, const at::Tensor& bias,
                               const Multiply& multiply) {
  Expansion expansion(plan, side, frame);
  for (int s : plan.by_rank) expansion.run(s, bias, multiply);
  std::vector<at::Tensor> views;
  views.reserve(plan.views.size());
  for (const PlanView& view : plan.views) views.push_back(expansion.view(view));
  return views;
}

}  // namespace nfopt::aten
