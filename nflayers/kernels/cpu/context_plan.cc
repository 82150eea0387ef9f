#include <nfopt/nflayers/kernels/cpu/context_plan.h>

#include <algorithm>

namespace nfopt::cpu {
namespace {

constexpr int64_t kShortestRun = 32;        // shorter runs leave most SIMD lanes empty
constexpr int64_t kTileElements = 1 << 16;  // a tile of 784 columns spends a tenth of its time on its sums

/// Row-major index of every element among the axes that are not averaged.
std::vector<int32_t> index_without(const std::vector<int64_t>& shape, int averaged) {
  std::vector<int64_t> multiplier(shape.size(), 0);
  int64_t next = 1;
  for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0; --axis) {
    if (axis == averaged) continue;
    multiplier[axis] = next;
    next *= shape[axis];
  }
  std::vector<int32_t> result;
  std::vector<int64_t> position(shape.size(), 0);
  int64_t numel = 1;
  for (const int64_t size : shape) numel *= size;
  result.reserve(numel);
  for (int64_t i = 0; i < numel; ++i) {
    int64_t at = 0;
    for (size_t axis = 0; axis < shape.size(); ++axis) at += position[axis] * multiplier[axis];
    result.push_back(static_cast<int32_t>(at));
    for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0 && ++position[axis] == shape[axis]; --axis)
      position[axis] = 0;
  }
  return result;
}

void describe_statistics(ContextStepTensor& t) {
  if (!t.factored()) return;
  t.rows = t.numel / t.shape[t.row_axis];
  t.columns = t.numel / t.shape[t.column_axis];
  t.row_groups = t.rows / t.shape[t.column_axis];
  if (t.shape.size() == 2) return;
  t.row_of = index_without(t.shape, t.row_axis);
  t.column_of = index_without(t.shape, t.column_axis);
  // Rows keep every axis but row_axis; the position of column_axis among them moves when row_axis lies before it.
  std::vector<int64_t> row_shape = t.shape;
  row_shape.erase(row_shape.begin() + t.row_axis);
  t.group_of_row = index_without(row_shape, t.column_axis - (t.row_axis < t.column_axis ? 1 : 0));
}

std::vector<int> chain_of(const View& view, int factor) {
  std::vector<int> chain;
  for (int at = factor; at >= 0; at = view.factors[at].parent_factor) chain.insert(chain.begin(), at);
  return chain;
}

/// Factors from the last one on, as long as they are contiguous and the run is short.
size_t choose_split(const ContextStepView& view) {
  size_t split = view.sizes.size();
  int64_t run = 1;
  while (split > (view.stacked ? 1 : 0) && run < kShortestRun) {
    if (view.sizes[split - 1] != 1 && view.strides[split - 1] != run) break;
    run *= view.sizes[--split];
  }
  return split;
}

}  // namespace

ContextStepPlan::ContextStepPlan(const WeightSpace& space, std::vector<ContextStepTensor> given)
    : tensors(std::move(given)) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    ContextStepTensor& t = tensors[i];
    t.shape = space.tensors()[i].shape;
    t.numel = space.tensors()[i].numel();
    t.offset = total;
    describe_statistics(t);
    t.rows_offset = row_statistics;
    t.columns_offset = column_statistics;
    total += t.numel;
    row_statistics += t.rows;
    column_statistics += t.columns;
  }

  std::vector<int> table_of(space.labels().size(), -1);
  std::vector<int64_t> incidences;
  for (const View& source_view : space.views()) {
    const Source& source = space.sources()[source_view.source];
    ContextStepView view;
    view.tensors = source.tensors;
    view.stacked = source.stacked;
    std::vector<int64_t> axis_strides(source.shape.size(), 1);
    for (int axis = static_cast<int>(source.shape.size()) - 2; axis >= 0; --axis)
      axis_strides[axis] = axis_strides[axis + 1] * source.shape[axis + 1];
    if (source.stacked) axis_strides[0] = 0;
    for (size_t axis = 0; axis < source_view.axis_offsets.size(); ++axis)
      view.offset += source_view.axis_offsets[axis] * axis_strides[axis];
    for (const Factor& f : source_view.factors) {
      view.sizes.push_back(f.size);
      view.strides.push_back(f.stride * axis_strides[f.axis]);
    }
    view.split = choose_split(view);
    for (size_t k = 0; k < view.sizes.size(); ++k) (k < view.split ? view.rows : view.run) *= view.sizes[k];

    const std::vector<Slot>& slots = space.tensors()[source.tensors.front()].slots;
    for (size_t k = 0; k < source_view.factors.size(); ++k) {
      const Factor& factor = source_view.factors[k];
      if (space.labels()[factor.label].type == LabelType::fixed) continue;
      ContextStepAxis axis;
      axis.factor = static_cast<int>(k);
      axis.slot = static_cast<int>(slots.at(factor.axis));
      int64_t rows = 1;
      std::vector<int> chain = chain_of(source_view, axis.factor);
      for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
        axis.index.emplace_back(*at, rows);
        rows *= view.sizes[*at];
      }
      if (table_of[factor.label] < 0) {
        table_of[factor.label] = static_cast<int>(table_rows.size());
        table_rows.push_back(rows);
        table_offsets.push_back(all_table_rows);
        all_table_rows += rows;
        incidences.push_back(0);
      }
      axis.table = table_of[factor.label];
      ++incidences[axis.table];
      axis.weight = static_cast<float>(static_cast<double>(rows) / static_cast<double>(view.rows * view.run));
      view.axes.push_back(std::move(axis));
    }

    // A tile ends where a run meets other contexts: when a row factor changes in which an axis of the run is nested.
    int64_t longest = std::max<int64_t>(1, kTileElements / std::max<int64_t>(1, view.run));
    int64_t shared = view.rows;
    for (const ContextStepAxis& axis : view.axes) {
      if (axis.factor < static_cast<int>(view.split)) continue;
      for (const auto& [factor, multiplier] : axis.index) {
        if (factor >= static_cast<int>(view.split)) continue;
        int64_t below = 1;
        for (size_t k = factor + 1; k < view.split; ++k) below *= view.sizes[k];
        shared = std::min(shared, below);
      }
    }
    const int index = static_cast<int>(views.size());
    if (view.run > 0)
      for (int64_t block = 0; block < view.rows; block += shared)
        for (int64_t row = 0; row < shared; row += longest)
          tiles.push_back({index, block + row, std::min(longest, shared - row)});
    views.push_back(std::move(view));
  }
  for (ContextStepView& view : views)
    for (ContextStepAxis& axis : view.axes) axis.weight /= static_cast<float>(incidences[axis.table]);
}

}  // namespace nfopt::cpu
