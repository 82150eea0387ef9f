#include <nfopt/nflayers/kernels/aten/halves.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt::aten {
namespace {

at::Tensor reduced(const Half& half, const at::Tensor& larger) {
  if (half.dropped.empty()) return larger;
  std::vector<int64_t> axes;
  for (int axis : half.dropped) axes.push_back(3 + axis);
  return larger.sum(axes);
}

at::Tensor aligned(const at::Tensor& half, const std::vector<int>& order) {
  if (std::is_sorted(order.begin(), order.end())) return half;
  std::vector<int64_t> axes = {0, 1, 2};
  for (int axis : order) axes.push_back(3 + axis);
  return half.permute(axes);
}

}  // namespace

at::Tensor diagonal(const at::Tensor& view, const Partition& cells) {
  if (cells.size() + 3 == static_cast<size_t>(view.dim())) return view;
  std::vector<int64_t> sizes(view.sizes().begin(), view.sizes().begin() + 3);
  std::vector<int64_t> strides(view.strides().begin(), view.strides().begin() + 3);
  for (const auto& cell : cells) {  // joined axes move together: their strides add up
    sizes.push_back(view.size(3 + cell.front()));
    strides.push_back(0);
    for (int axis : cell) strides.back() += view.stride(3 + axis);
  }
  return view.as_strided(sizes, strides, view.storage_offset());
}

std::vector<at::Tensor> contract(const Plan& plan, const Side& side, const std::vector<at::Tensor>& views) {
  std::vector<at::Tensor> halves(side.halves.size());
  for (size_t i = 0; i < halves.size(); ++i) {
    const Half& half = side.halves[i];
    halves[i] = reduced(half, half.parent >= 0 ? halves[half.parent] : diagonal(views[half.view], half.cells));
  }
  std::vector<at::Tensor> result;
  result.reserve(plan.signatures.size());
  std::vector<at::Tensor> parts;
  for (const Signature& signature : plan.signatures) {
    parts.clear();
    for (const Block& block : signature.*side.blocks) parts.push_back(aligned(halves[block.half], block.order));
    if (parts.empty()) {  // no term has this signature: an empty sum
      std::vector<int64_t> sizes = {views.front().size(0), views.front().size(1), 0};
      sizes.insert(sizes.end(), signature.sizes.begin(), signature.sizes.end());
      result.push_back(at::empty(sizes, views.front().options()));
    } else {
      result.push_back(parts.size() == 1 ? parts.front() : at::cat(parts, 2));
    }
  }
  return result;
}

}  // namespace nfopt::aten
