#include <nfopt/runtime/optimizers/context_geometry.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace nfopt {
namespace {

/// f(tensor, label) for every label along an axis of a tensor that is its `slot`.
template <class F>
void for_each_label(const WeightSpace& space, Slot slot, const F& f) {
  for (const View& view : space.views())
    for (const int t : space.sources()[view.source].tensors)
      for (const Factor& factor : view.factors)
        if (space.tensors()[t].slots.at(factor.axis) == slot) f(t, factor.label);
}

/// Whether no tensor reads a unit that the tensor writes: its units are outputs of the network.
std::vector<bool> write_outputs(const WeightSpace& space) {
  std::vector<bool> read(space.labels().size(), false);
  for_each_label(space, Slot::input, [&](int, int label) { read[label] = true; });
  std::vector<bool> outputs(space.tensors().size(), false), inner(space.tensors().size(), false);
  for_each_label(space, Slot::output, [&](int tensor, int label) { (read[label] ? inner : outputs)[tensor] = true; });
  for (size_t t = 0; t < outputs.size(); ++t) outputs[t] = outputs[t] && !inner[t];
  return outputs;
}

int role_of(Role role, bool writes_outputs) {
  switch (role) {
    case Role::weight:
    case Role::table:
      return writes_outputs ? 3 : 0;
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
  const std::vector<bool> outputs = write_outputs(parameters);
  for (const Tensor& tensor : parameters.tensors()) {
    ContextTensor t;
    t.numel = tensor.numel();
    t.role = role_of(tensor.role, outputs[result.size()]);
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
