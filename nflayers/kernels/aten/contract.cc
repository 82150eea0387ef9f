#include <ATen/Parallel.h>
#include <nfopt/nflayers/kernels/aten/halves.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/features/channel_product.h>
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

// Two halves of one matrix, of which one lacks the rows and the other the columns: their sums in one pass over it.
struct BothSums {
  at::Tensor of_rows;     // [P, B, C, rows]
  at::Tensor of_columns;  // [P, B, C, columns]
};

template <class T>
BothSums both_sums(const at::Tensor& x) {
  const int64_t members = x.size(0), batch = x.size(1), channels = x.size(2), rows = x.size(3), columns = x.size(4);
  const BothSums sums{at::empty({members, batch, channels, rows}, x.options()),
                      at::empty({members, batch, channels, columns}, x.options())};
  const T* from = x.const_data_ptr<T>();
  T *of_rows = sums.of_rows.mutable_data_ptr<T>(), *of_columns = sums.of_columns.mutable_data_ptr<T>();
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / (rows * columns));
  at::parallel_for(0, members * batch * channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i % channels, b = i / channels % batch, p = i / channels / batch;
      cpu::sum_both(from + p * x.stride(0) + b * x.stride(1) + c * x.stride(2), rows, columns, x.stride(3),
                    of_rows + i * rows, of_columns + i * columns);
    }
  });
  return sums;
}

bool sum_both(const at::Tensor& x, const Half& half, const Half& other, at::Tensor& sum, at::Tensor& other_sum) {
  if (x.dim() != 5 || half.dropped.size() != 1 || other.dropped.size() != 1 || half.dropped == other.dropped)
    return false;
  if (!x.device().is_cpu() || x.numel() == 0 || x.stride(4) != 1 || (at::GradMode::is_enabled() && x.requires_grad()) ||
      (x.size(0) * x.size(1) * x.size(2) < at::get_num_threads() && x.numel() > (1 << 16)))  // one thread per matrix
    return false;
  BothSums sums;
  if (x.scalar_type() == at::kFloat)
    sums = both_sums<float>(x);
  else if (x.scalar_type() == at::kDouble)
    sums = both_sums<double>(x);
  else
    return false;
  sum = half.dropped[0] == 1 ? sums.of_rows : sums.of_columns;
  other_sum = half.dropped[0] == 1 ? sums.of_columns : sums.of_rows;
  return true;
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
    if (halves[i].defined()) continue;
    const Half& half = side.halves[i];
    const at::Tensor larger = half.parent >= 0 ? halves[half.parent] : diagonal(views[half.view], half.cells);
    for (size_t j = i + 1; j < halves.size() && !halves[i].defined(); ++j) {
      const Half& other = side.halves[j];
      if (other.view != half.view || other.cells != half.cells) break;
      if (other.parent == half.parent) sum_both(larger, half, other, halves[i], halves[j]);
    }
    if (!halves[i].defined()) halves[i] = reduced(half, larger);
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
      result.push_back(parts.size() == 1 ? parts.front() : recycled_cat(parts, 2));
    }
  }
  return result;
}

}  // namespace nfopt::aten
