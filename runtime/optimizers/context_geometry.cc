#include <nfopt/runtime/optimizers/context_geometry.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace nfopt {
namespace {

int role_of(Role role) {
  switch (role) {
    case Role::weight:
    case Role::table:
      return 0;
    case Role::bias:
      return 1;
    default:
      return 2;
  }
}

bool same_parts(const View& a, const View& b, int axis) {
  const auto on_axis = [axis](const View& view) {
    std::vector<std::array<int64_t, 3>> parts;
    for (const Factor& f : view.factors)
      if (f.axis == axis) parts.push_back({f.label, f.size, f.stride});
    return parts;
  };
  return on_axis(a) == on_axis(b);
}

/// Whether averaging over `axis` leaves something that the group still permutes: entries of one index of the other axes
/// must go to one index of the other axes, wherever along `axis` they lie.
bool can_average(const WeightSpace& space, int source, int axis) {
  std::vector<const View*> views;
  for (const View& view : space.views())
    if (view.source == source) views.push_back(&view);
  for (const View* a : views) {
    for (const Factor& f : a->factors)
      if (f.axis != axis && f.parent_factor >= 0 && a->factors[f.parent_factor].axis == axis) return false;
    // Two parts along `axis` must agree about the axes that remain.
    for (const View* b : views)
      for (int other = 0; other < static_cast<int>(a->axis_offsets.size()); ++other)
        if (other != axis && a->axis_offsets[other] == b->axis_offsets[other] && !same_parts(*a, *b, other))
          return false;
  }
  return true;
}

}  // namespace

std::vector<ContextTensor> context_tensors(const WeightSpace& parameters) {
  std::vector<ContextTensor> result;
  for (const Tensor& tensor : parameters.tensors()) {
    ContextTensor t;
    t.numel = tensor.numel();
    t.role = role_of(tensor.role);
    const bool stacked = parameters.sources()[tensor.source].stacked;
    const int first = stacked ? 1 : 0;  // axes of the source that are the tensor's own
    const auto rank = static_cast<int>(tensor.shape.size());
    for (int axis = 0; axis < rank; ++axis)
      if (tensor.slots.at(axis + first) != Slot::output) t.fan_in *= tensor.shape[axis];
    if (rank >= 2) {
      std::vector<int> axes(rank);
      std::iota(axes.begin(), axes.end(), 0);
      std::stable_sort(axes.begin(), axes.end(), [&](int a, int b) { return tensor.shape[a] < tensor.shape[b]; });
      const int largest = axes[rank - 1], second = axes[rank - 2];
      if (tensor.numel() > 0 && can_average(parameters, tensor.source, largest + first) &&
          can_average(parameters, tensor.source, second + first)) {
        t.row_axis = largest;
        t.column_axis = second;
        t.rows = t.numel / tensor.shape[largest];
        t.columns = t.numel / tensor.shape[second];
      }
    }
    result.push_back(t);
  }
  return result;
}

}  // namespace nfopt
