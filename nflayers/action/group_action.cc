#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

at::Tensor permutation_table(const std::vector<std::vector<int64_t>>& permutations) {
  std::vector<int64_t> flat;
  for (const auto& permutation : permutations) flat.insert(flat.end(), permutation.begin(), permutation.end());
  return at::tensor(flat, at::kLong);
}

// Old indices along factor `f`, shaped to broadcast over the view.
at::Tensor old_index(const View& view, int f) {
  std::vector<int64_t> shape(view.factors.size(), 1);
  shape[static_cast<size_t>(f)] = view.factors[static_cast<size_t>(f)].size;
  return at::arange(view.factors[static_cast<size_t>(f)].size, at::kLong).view(shape);
}

// New indices along factor `f`: they depend on the factor and on the ancestors it is nested in, nothing else.
at::Tensor new_index(const View& view, int f, const at::Tensor& table) {
  std::vector<int> chain;  // innermost first
  for (int k = f; k >= 0; k = view.factors[static_cast<size_t>(k)].parent_factor) chain.push_back(k);
  at::Tensor row = at::zeros(std::vector<int64_t>(view.factors.size(), 1), at::kLong);
  for (auto k = chain.rbegin(); k != chain.rend(); ++k)
    row = row * view.factors[static_cast<size_t>(*k)].size + old_index(view, *k);
  return table.take(row);
}

std::vector<int64_t> element_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

// gather[new position] = old position, over the flattened source.
at::Tensor gather_index(const WeightSpace& space, const std::vector<View>& views, int source, const GroupElement& g,
                        const std::vector<at::Tensor>& tables) {
  const std::vector<int64_t>& shape = space.sources()[static_cast<size_t>(source)].shape;
  const std::vector<int64_t> strides = element_strides(shape);
  at::Tensor gather;
  for (const View& view : views) {
    if (view.source != source) continue;
    const bool moves = std::any_of(view.factors.begin(), view.factors.end(),
                                   [&](const Factor& factor) { return g.moves(factor.label); });
    if (!moves) continue;
    int64_t start = 0;
    for (size_t axis = 0; axis < shape.size(); ++axis) start += view.axis_offsets[axis] * strides[axis];
    at::Tensor from = at::full(std::vector<int64_t>(view.factors.size(), 1), start, at::kLong);
    at::Tensor to = from;
    for (int f = 0; f < static_cast<int>(view.factors.size()); ++f) {
      const Factor& factor = view.factors[static_cast<size_t>(f)];
      const int64_t step = factor.stride * strides[static_cast<size_t>(factor.axis)];
      from = from + old_index(view, f) * step;
      to = to + (g.moves(factor.label) ? new_index(view, f, tables[static_cast<size_t>(factor.label)])
                                       : old_index(view, f)) *
                    step;
    }
    if (!gather.defined()) {
      int64_t entries = 1;
      for (const int64_t length : shape) entries *= length;
      gather = at::arange(entries, at::kLong);
    }
    gather.scatter_(0, to.expand_as(from).reshape({-1}), from.reshape({-1}));
  }
  return gather;
}

// [leading.., shape..] -> [leading.., entries]
at::Tensor flatten(const at::Tensor& t, size_t rank) {
  std::vector<int64_t> shape(t.sizes().begin(), t.sizes().end() - static_cast<int64_t>(rank));
  shape.push_back(-1);
  return rank == 0 ? t.unsqueeze(-1) : t.reshape(shape);
}

bool ends_in(const at::Tensor& t, const std::vector<int64_t>& shape) {
  return t.dim() >= static_cast<int64_t>(shape.size()) && std::equal(shape.rbegin(), shape.rend(), t.sizes().rbegin());
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

GroupAction::GroupAction(const WeightSpace& space, const GroupElement& g) : GroupAction(space, space.views(), g) {}

GroupAction::GroupAction(const WeightSpace& space, const std::vector<View>& views, const GroupElement& g) {
  for (const Tensor& tensor : space.tensors()) {
    names_.push_back(tensor.name);
    shapes_.push_back(tensor.shape);
  }
  std::vector<at::Tensor> tables;
  for (const auto& permutations : g.permutations)
    tables.push_back(permutations.empty() ? at::Tensor() : permutation_table(permutations));
  for (int source = 0; source < static_cast<int>(space.sources().size()); ++source)
    sources_.push_back(
        {space.sources()[static_cast<size_t>(source)].tensors, gather_index(space, views, source, g, tables)});
}

std::vector<at::Tensor> GroupAction::operator()(const std::vector<at::Tensor>& tensors) const {
  if (tensors.size() != names_.size())
    throw Error("action", "Expected " + std::to_string(names_.size()) + " tensors, received " +
                              std::to_string(tensors.size()) +
                              ". Give one per tensor of the weight space, buffers too.");
  std::string problems;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].defined() && !ends_in(tensors[i], shapes_[i]))
      problems += "\n  '" + names_[i] + "': expected a shape that ends in " + shape_text(shapes_[i]) + ", received " +
                  shape_text(tensors[i].sizes());
  if (!problems.empty()) throw Error("action", "Shapes do not fit the weight space:" + problems);

  std::vector<at::Tensor> result = tensors;
  for (const Moved& source : sources_) {
    if (!source.gather.defined()) continue;
    std::vector<at::Tensor> elements;
    for (const int t : source.tensors)
      if (tensors[static_cast<size_t>(t)].defined())
        elements.push_back(flatten(tensors[static_cast<size_t>(t)], shapes_[static_cast<size_t>(t)].size()));
    if (elements.empty()) continue;
    if (elements.size() != source.tensors.size())
      throw Error("action", "The stack that starts with '" + names_[static_cast<size_t>(source.tensors.front())] +
                                "' has " + std::to_string(elements.size()) + " of " +
                                std::to_string(source.tensors.size()) + " elements defined. Give all of them or none.");
    const at::Tensor joined = elements.size() == 1 ? elements.front() : at::cat(elements, -1);
    const at::Tensor moved = joined.index_select(-1, source.gather.to(joined.device()));
    const std::vector<at::Tensor> parts = moved.chunk(static_cast<int64_t>(elements.size()), -1);
    for (size_t k = 0; k < parts.size(); ++k) {
      const size_t t = static_cast<size_t>(source.tensors[k]);
      result[t] = parts[k].reshape(tensors[t].sizes());
    }
  }
  return result;
}

std::vector<at::Tensor> apply(const GroupElement& g, const WeightSpace& space, const std::vector<at::Tensor>& tensors) {
  return GroupAction(space, g)(tensors);
}

}  // namespace nfopt
