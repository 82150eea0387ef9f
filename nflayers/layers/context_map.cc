#include <nfopt/nflayers/kernels/aten/views.h>
#include <nfopt/nflayers/layers/context_map.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <algorithm>

namespace nfopt {
namespace {

constexpr int64_t kLeading = 3;  // [P, B, C]

/// W^T c for [P|1, C_in, C_out] and [P, B, C_in, ...].
at::Tensor product(const at::Tensor& weight, const at::Tensor& c) {
  std::vector<int64_t> sizes = c.sizes().vec();
  sizes[2] = weight.size(2);
  const at::Tensor flat = c.dim() == kLeading ? c.unsqueeze(kLeading) : c.flatten(kLeading);
  return at::matmul(weight.transpose(1, 2).unsqueeze(1), flat).reshape(sizes);
}

/// Means over all axes but `kept`, which come in this order: [P, B, C, kept...].
at::Tensor means(const at::Tensor& view, const std::vector<int64_t>& kept) {
  std::vector<int64_t> order = {0, 1, 2}, others;
  for (int64_t dim = kLeading; dim < view.dim(); ++dim)
    if (std::find(kept.begin(), kept.end(), dim) == kept.end()) others.push_back(dim);
  order.insert(order.end(), kept.begin(), kept.end());
  const int64_t first_other = static_cast<int64_t>(order.size());
  order.insert(order.end(), others.begin(), others.end());
  const at::Tensor ordered = view.permute(order);
  return others.empty() ? ordered : ordered.flatten(first_other).mean(first_other);
}

/// [P, B, C, kept...] back in the order of the view, with size 1 along every other axis.
at::Tensor along(const at::Tensor& c, const std::vector<int64_t>& kept, int64_t dims) {
  std::vector<int64_t> ascending = kept, order = {0, 1, 2};
  std::sort(ascending.begin(), ascending.end());
  for (const int64_t dim : ascending)
    order.push_back(kLeading + std::distance(kept.begin(), std::find(kept.begin(), kept.end(), dim)));
  at::Tensor result = c.permute(order);
  for (int64_t dim = kLeading; dim < dims; ++dim)
    if (!std::binary_search(ascending.begin(), ascending.end(), dim)) result = result.unsqueeze(dim);
  return result;
}

}  // namespace

ContextMap::ContextMap(const WeightSpace& space)
    : plan_(std::make_shared<const Plan>(
          build_plan(space, Fold::none(), [](int, int, const Partition&) { return false; }))) {
  std::vector<int> table_of(space.labels().size(), -1);
  for (size_t v = 0; v < space.views().size(); ++v) {
    const View& view = space.views()[v];
    const std::vector<Slot>& slots = space.tensors()[space.sources()[view.source].tensors.front()].slots;
    for (size_t k = 0; k < view.factors.size(); ++k) {
      const int label = view.factors[k].label;
      if (space.labels()[label].type == LabelType::fixed) continue;
      if (table_of[label] < 0) {
        table_of[label] = static_cast<int>(tables_.size());
        tables_.push_back({label, 0});
      }
      Incidence incidence{static_cast<int>(v), table_of[label], {}, slots.at(view.factors[k].axis)};
      for (int at = static_cast<int>(k); at >= 0; at = view.factors[at].parent_factor)
        incidence.kept.insert(incidence.kept.begin(), kLeading + at);
      ++tables_[incidence.table].incidences;
      incidences_.push_back(std::move(incidence));
    }
  }
}

std::vector<at::Tensor> ContextMap::operator()(const ContextWeights& weights, const std::vector<at::Tensor>& x) const {
  if (x.size() != plan_->tensors.size())
    throw Error("layer", "a context map expects one feature tensor per tensor of the weight space, " +
                             std::to_string(plan_->tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  // Per label one context.
  const std::vector<at::Tensor> views = aten::read_views(*plan_, x);
  std::vector<at::Tensor> contexts(tables_.size());
  for (const Incidence& in : incidences_) {
    const at::Tensor mean = means(views[in.view], in.kept);
    contexts[in.table] = contexts[in.table].defined() ? contexts[in.table] + mean : mean;
  }
  const at::Tensor* matrices[] = {&weights.output, &weights.input, &weights.neither};
  std::vector<std::vector<at::Tensor>> mixed(tables_.size(), std::vector<at::Tensor>(std::size(matrices)));
  const auto mixed_context = [&](const Incidence& in) -> const at::Tensor& {
    const auto slot = static_cast<size_t>(in.slot);
    at::Tensor& result = mixed[in.table][slot];
    if (!result.defined())
      result = product(*matrices[slot], contexts[in.table] / static_cast<double>(tables_[in.table].incidences));
    return result;
  };

  // Per tensor and for the network.
  std::vector<at::Tensor> tensor_means;
  for (const at::Tensor& t : x) tensor_means.push_back(t.dim() == kLeading ? t : t.flatten(kLeading).mean(kLeading));
  at::Tensor total = tensor_means.front();
  for (size_t i = 1; i < tensor_means.size(); ++i) total = total + tensor_means[i];
  const at::Tensor network = product(weights.network, total / static_cast<double>(x.size()));
  std::vector<at::Tensor> y(views.size());
  for (const PlanSource& source : plan_->sources) {
    std::vector<at::Tensor> elements;
    for (const int tensor : source.tensors) elements.push_back(product(weights.tensor, tensor_means[tensor]) + network);
    // The leading axis of a stack is the first factor of its views.
    at::Tensor whole = source.stacked ? at::stack(elements, kLeading) : elements.front();
    for (const int v : source.views) {
      at::Tensor start = whole;
      while (start.dim() < views[v].dim()) start = start.unsqueeze(-1);
      y[v] = start;
    }
  }

  // Broadcast along every axis.
  for (const Incidence& in : incidences_)
    y[in.view] = y[in.view] + along(mixed_context(in), in.kept, views[in.view].dim());
  for (size_t v = 0; v < y.size(); ++v) {
    std::vector<int64_t> sizes = views[v].sizes().vec();
    sizes[2] = weights.output.size(2);
    y[v] = y[v].expand(sizes);
  }
  return aten::write_views(*plan_, y);
}

}  // namespace nfopt
