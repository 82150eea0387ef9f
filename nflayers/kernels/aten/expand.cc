#include <nfopt/nflayers/kernels/aten/halves.h>
#include <torch/torch.h>

#include <algorithm>

namespace nfopt::aten {
namespace {

// The block of a product that belongs to one half, in the half's own axis order.
at::Tensor block_of(const at::Tensor& product, const Block& block, int64_t folded, int64_t channels, size_t blocks) {
  at::Tensor part = product;
  if (blocks > 1) part = product.narrow(2, block.channel * channels, folded * channels);
  if (std::is_sorted(block.order.begin(), block.order.end())) return part;
  std::vector<int64_t> axes(3 + block.order.size());
  for (int64_t i = 0; i < 3; ++i) axes[i] = i;
  for (size_t j = 0; j < block.order.size(); ++j) axes[3 + block.order[j]] = static_cast<int64_t>(3 + j);
  return part.permute(axes);
}

at::Tensor with_dropped_axes(const Half& half, at::Tensor x) {
  for (int axis : half.dropped) x = x.unsqueeze(3 + axis);  // ascending, so that positions are final
  return x;
}

// Adds x into y, into the diagonal over the half's cells if they join axes.
void add_on_cells(const at::Tensor& y, const Half& half, const at::Tensor& x, double weight) {
  if (half.cells.size() + 3 == static_cast<size_t>(y.dim())) {
    y.add_(x, weight);
    return;
  }
  std::vector<int64_t> sizes(y.sizes().begin(), y.sizes().begin() + 3);
  std::vector<int64_t> strides(y.strides().begin(), y.strides().begin() + 3);
  for (const auto& cell : half.cells) {
    sizes.push_back(y.size(3 + cell.front()));
    strides.push_back(0);
    for (int axis : cell) strides.back() += y.stride(3 + axis);
  }
  y.as_strided(sizes, strides, y.storage_offset()).add_(x, weight);
}

at::Tensor expand_view(const PlanView& view, const Side& side, std::vector<at::Tensor>& halves, const at::Tensor& like,
                       int64_t channels) {
  const auto& indices = view.*side.of_view;
  auto weight = [&](const Half& half) { return side.averages ? 1.0 / static_cast<double>(half.dropped_count) : 1.0; };
  for (size_t i = indices.size(); i-- > 0;) {
    const Half& half = side.halves[indices[i]];
    if (half.parent >= 0) halves[half.parent].add_(with_dropped_axes(half, halves[indices[i]]), weight(half));
  }
  at::Tensor result;
  for (int index : indices) {
    const Half& half = side.halves[index];
    if (half.parent >= 0) continue;
    if (!result.defined() && half.kept.size() == view.axes.size()) {  // the first half, if any: the view itself
      result = halves[index];
      continue;
    }
    if (!result.defined()) {
      std::vector<int64_t> sizes = {like.size(0), like.size(1), channels * view.folded_size};
      for (const PlanAxis& axis : view.axes) sizes.push_back(axis.size);
      result = at::zeros(sizes, like.options());
    }
    add_on_cells(result, half, with_dropped_axes(half, halves[index]), weight(half));
  }
  if (!result.defined()) {  // nothing reads this view
    std::vector<int64_t> sizes = {like.size(0), like.size(1), channels * view.folded_size};
    for (const PlanAxis& axis : view.axes) sizes.push_back(axis.size);
    result = at::zeros(sizes, like.options());
  }
  return result;
}

}  // namespace

std::vector<at::Tensor> expand(const Plan& plan, const Side& side, const std::vector<at::Tensor>& products) {
  std::vector<at::Tensor> halves(side.halves.size());
  int64_t channels = 0;
  for (size_t s = 0; s < plan.signatures.size(); ++s) {
    const Signature& signature = plan.signatures[s];
    const auto& blocks = signature.*side.blocks;
    if (blocks.empty()) continue;
    at::Tensor product = products[s];
    channels = product.size(2) / (signature.*side.channels);
    if (signature.sizes.size() != 1) {
      std::vector<int64_t> sizes = {product.size(0), product.size(1), product.size(2)};
      sizes.insert(sizes.end(), signature.sizes.begin(), signature.sizes.end());
      product = product.view(sizes);
    }
    for (const Block& block : blocks) {
      const at::Tensor part =
          block_of(product, block, plan.views[side.halves[block.half].view].folded_size, channels, blocks.size());
      at::Tensor& half = halves[block.half];
      half = half.defined() ? half.add_(part) : part;  // one block per alignment
    }
  }
  std::vector<at::Tensor> views;
  views.reserve(plan.views.size());
  for (const PlanView& view : plan.views) views.push_back(expand_view(view, side, halves, products.front(), channels));
  return views;
}

}  // namespace nfopt::aten
