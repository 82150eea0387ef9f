#include <nfopt/runtime/optimizers/factored_axes.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace nfopt {
namespace {

/// Whether every permutation of the layer group permutes each axis of the source's tensors by itself.
bool acts_axis_by_axis(const WeightSpace& space, int source_index) {
  const Source& source = space.sources()[source_index];
  using Labels = std::vector<std::pair<int, int64_t>>;  // label and stride of the factors of one axis
  std::map<std::pair<size_t, int64_t>, Labels> of_slice;
  for (const View& view : space.views()) {
    if (view.source != source_index) continue;
    std::vector<Labels> axes(source.shape.size());
    for (const Factor& factor : view.factors) {
      axes[factor.axis].emplace_back(factor.label, factor.stride);
      if (factor.parent_factor < 0) continue;
      const int parent_axis = view.factors[factor.parent_factor].axis;
      // Within one tensor of a stack the index along the leading axis is fixed.
      if (parent_axis != factor.axis && !(source.stacked && parent_axis == 0)) return false;
    }
    for (size_t axis = 0; axis < axes.size(); ++axis)
      if (of_slice.try_emplace({axis, view.axis_offsets[axis]}, axes[axis]).first->second != axes[axis]) return false;
  }
  return true;
}

}  // namespace

std::vector<std::optional<FactoredAxes>> factored_axes(const WeightSpace& space) {
  std::vector<std::optional<FactoredAxes>> result;
  for (const Tensor& tensor : space.tensors()) {
    result.emplace_back();
    if (tensor.shape.size() < 2 || tensor.numel() == 0 || !acts_axis_by_axis(space, tensor.source)) continue;
    std::vector<int64_t> order(tensor.shape.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return tensor.shape[a] < tensor.shape[b]; });
    result.back() = FactoredAxes{order.back(), order[order.size() - 2]};
  }
  return result;
}

}  // namespace nfopt
