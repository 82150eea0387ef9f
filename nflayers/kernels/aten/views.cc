#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/aten/views.h>
#include <torch/types.h>

#include <utility>

namespace nfopt::aten {
namespace {

// [P, B, C, folded..., axes...], sharing memory with `source` [P, B, C, shape...].
at::Tensor strided_view(const PlanView& view, const at::Tensor& source) {
  const auto from = source.strides();
  std::vector<int64_t> sizes(source.sizes().begin(), source.sizes().begin() + 3);
  std::vector<int64_t> strides(from.begin(), from.begin() + 3);
  int64_t offset = source.storage_offset();
  for (size_t i = 0; i < view.offsets.size(); ++i) offset += view.offsets[i] * from[3 + i];
  for (const auto* axes : {&view.folded, &view.axes}) {
    for (const PlanAxis& axis : *axes) {
      sizes.push_back(axis.size);
      strides.push_back(axis.stride * from[3 + axis.source_axis]);
    }
  }
  return source.as_strided(sizes, strides, offset);
}

at::Tensor fold(const PlanView& view, const at::Tensor& x) {
  if (view.folded.empty()) return x;
  std::vector<int64_t> sizes = {x.size(0), x.size(1), x.size(2) * view.folded_size};
  for (const PlanAxis& axis : view.axes) sizes.push_back(axis.size);
  return recycled_reshape(x, sizes);
}

at::Tensor unfold(const PlanView& view, const at::Tensor& x) {
  if (view.folded.empty()) return x;
  std::vector<int64_t> sizes = {x.size(0), x.size(1), x.size(2) / view.folded_size};
  for (const auto* axes : {&view.folded, &view.axes})
    for (const PlanAxis& axis : *axes) sizes.push_back(axis.size);
  return x.reshape(sizes);
}

// The only view of its source: factors back in order, factors of one axis merged.
at::Tensor whole_source(const PlanView& view, const PlanSource& source, const at::Tensor& x) {
  std::vector<int64_t> order = {0, 1, 2};
  for (int position : view.factor_order) order.push_back(3 + position);
  const at::Tensor factors = unfold(view, x).permute(order);
  std::vector<int64_t> sizes(factors.sizes().begin(), factors.sizes().begin() + 3);
  sizes.insert(sizes.end(), source.shape.begin(), source.shape.end());
  return recycled_reshape(factors, sizes);
}

at::Tensor assemble(const Plan& plan, const PlanSource& source, const std::vector<at::Tensor>& views) {
  const PlanView& first = plan.views[source.views.front()];
  const at::Tensor& x = views[source.views.front()];
  if (first.whole) return x;
  if (source.views.size() == 1) return whole_source(first, source, x);
  std::vector<int64_t> sizes = {x.size(0), x.size(1), x.size(2) / first.folded_size};
  sizes.insert(sizes.end(), source.shape.begin(), source.shape.end());
  const at::Tensor result = recycled(sizes, x.options());
  for (int v : source.views) strided_view(plan.views[v], result).copy_(unfold(plan.views[v], views[v]));
  return result;
}

}  // namespace

std::vector<at::Tensor> read_views(const Plan& plan, const std::vector<at::Tensor>& features) {
  std::vector<at::Tensor> views(plan.views.size());
  for (const PlanSource& source : plan.sources) {
    at::Tensor whole = features[source.tensors.front()];
    if (source.stacked) {
      std::vector<at::Tensor> elements;
      for (int tensor : source.tensors) elements.push_back(features[tensor]);
      whole = at::stack(elements, 3);
    }
    for (int v : source.views) {
      const PlanView& view = plan.views[v];
      views[v] = view.whole ? whole : fold(view, strided_view(view, whole));
    }
  }
  return views;
}

std::vector<at::Tensor> write_views(const Plan& plan, const std::vector<at::Tensor>& views) {
  std::vector<at::Tensor> tensors(plan.tensors.size());
  for (const PlanSource& source : plan.sources) {
    const at::Tensor whole = assemble(plan, source, views);
    if (!source.stacked) {
      tensors[source.tensors.front()] = whole;
      continue;
    }
    for (size_t i = 0; i < source.tensors.size(); ++i)
      tensors[source.tensors[i]] = whole.select(3, static_cast<int64_t>(i));
  }
  return tensors;
}

}  // namespace nfopt::aten
