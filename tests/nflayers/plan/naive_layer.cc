#include "tests/nflayers/plan/naive_layer.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>

namespace nfopt::testing {
namespace {

// Calls f(index) for every index tuple below `sizes`, row-major.
template <class F>
void for_each_index(const std::vector<int64_t>& sizes, const F& f) {
  std::vector<int64_t> index(sizes.size(), 0);
  for (int64_t size : sizes)
    if (size == 0) return;
  while (true) {
    f(index);
    size_t axis = sizes.size();
    while (axis > 0 && ++index[axis - 1] == sizes[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

std::vector<int64_t> axis_sizes(const LayerView& view) {
  std::vector<int64_t> sizes;
  for (const LayerAxis& axis : view.axes) sizes.push_back(axis.size);
  return sizes;
}

int64_t flat(const std::vector<int64_t>& index, const std::vector<int64_t>& sizes) {
  int64_t position = 0;
  for (size_t i = 0; i < index.size(); ++i) position = position * sizes[i] + index[i];
  return position;
}

// Moves every entry of a view between its tensor(s) [C, shape...] and [C * F, axes...].
void for_each_entry(const WeightSpace& space, const LayerView& layer,
                    const std::function<void(int tensor, int64_t entry, int64_t f, int64_t position)>& move) {
  const View& view = space.views()[layer.view];
  const Source& source = space.sources()[view.source];
  std::vector<int64_t> folded, kept;
  for (int factor : layer.folded) folded.push_back(view.factors[factor].size);
  for (const LayerAxis& axis : layer.axes) kept.push_back(axis.size);
  std::vector<int64_t> all = folded;
  all.insert(all.end(), kept.begin(), kept.end());
  for_each_index(all, [&](const std::vector<int64_t>& index) {
    std::vector<int64_t> place = view.axis_offsets;
    for (size_t i = 0; i < index.size(); ++i) {
      const int factor = i < folded.size() ? layer.folded[i] : layer.axes[i - folded.size()].factor;
      place[view.factors[factor].axis] += index[i] * view.factors[factor].stride;
    }
    const int tensor = source.tensors[source.stacked ? place[0] : 0];
    const std::vector<int64_t> in_tensor(place.begin() + (source.stacked ? 1 : 0), place.end());
    const auto split = index.begin() + static_cast<int64_t>(folded.size());
    move(tensor, flat(in_tensor, space.tensors()[tensor].shape), flat({index.begin(), split}, folded),
         flat({split, index.end()}, kept));
  });
}

at::Tensor view_of(const WeightSpace& space, const LayerView& layer, const std::vector<at::Tensor>& x) {
  const int64_t channels = x.front().size(0), folded = layer.folded_size;
  std::vector<int64_t> sizes = axis_sizes(layer);
  sizes.insert(sizes.begin(), channels * folded);
  at::Tensor result = at::zeros(sizes, at::kDouble).reshape({channels * folded, -1});
  for_each_entry(space, layer, [&](int tensor, int64_t entry, int64_t f, int64_t position) {
    const at::Tensor from = x[tensor].reshape({channels, -1});
    for (int64_t c = 0; c < channels; ++c)
      result.accessor<double, 2>()[c * folded + f][position] = from.accessor<double, 2>()[c][entry];
  });
  return result.reshape(sizes);
}

}  // namespace

at::Tensor naive_term(const LayerView& out, const LayerView& in, const Partition& partition, const at::Tensor& x) {
  const auto out_sizes = axis_sizes(out), in_sizes = axis_sizes(in);
  const int outs = static_cast<int>(out_sizes.size());
  std::vector<int64_t> v_sizes, u_sizes;    // blocks with an output axis, blocks without
  std::vector<std::pair<bool, int>> where;  // block of every axis: (is v, position)
  where.resize(out_sizes.size() + in_sizes.size());
  for (const auto& block : partition) {
    bool has_output = false;
    for (int axis : block) has_output = has_output || axis < outs;
    auto& sizes = has_output ? v_sizes : u_sizes;
    for (int axis : block) where[axis] = {has_output, static_cast<int>(sizes.size())};
    sizes.push_back(block.front() < outs ? out_sizes[block.front()] : in_sizes[block.front() - outs]);
  }
  int64_t count = 1;
  for (int64_t size : u_sizes) count *= size;

  std::vector<int64_t> sizes = out_sizes;
  sizes.insert(sizes.begin(), x.size(0));
  int64_t out_numel = 1;
  for (int64_t size : out_sizes) out_numel *= size;
  at::Tensor result = at::zeros({x.size(0), out_numel}, at::kDouble);
  const at::Tensor from = x.reshape({x.size(0), -1}).contiguous();
  auto to = result.accessor<double, 2>();
  const auto read = from.accessor<double, 2>();
  std::vector<int64_t> o(out_sizes.size()), i(in_sizes.size());
  for_each_index(v_sizes, [&](const std::vector<int64_t>& v) {
    for (size_t axis = 0; axis < o.size(); ++axis) o[axis] = v[where[axis].second];
    const int64_t target = flat(o, out_sizes);
    for_each_index(u_sizes, [&](const std::vector<int64_t>& u) {
      for (size_t axis = 0; axis < i.size(); ++axis) {
        const auto [is_v, position] = where[o.size() + axis];
        i[axis] = is_v ? v[position] : u[position];
      }
      const int64_t source = flat(i, in_sizes);
      for (int64_t k = 0; k < x.size(0); ++k) to[k][target] += read[k][source] / static_cast<double>(count);
    });
  });
  return result.reshape(sizes);
}

std::vector<at::Tensor> naive_layer(const WeightSpace& space, const Fold& fold,
                                    const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& x) {
  const auto layers = fold_views(space, fold);
  const int64_t views = static_cast<int64_t>(layers.size());
  const int64_t c_in = x.front().size(0);
  const int64_t c_out = parameters.back().size(0) / layers.back().folded_size;
  std::vector<at::Tensor> y;
  for (const Tensor& tensor : space.tensors()) {
    y.push_back(at::zeros({c_out, tensor.numel()}, at::kDouble));
  }
  for (int64_t v = 0; v < views; ++v) {
    const at::Tensor &theta = parameters[v], &bias = parameters[views + v];
    std::vector<int64_t> sizes = axis_sizes(layers[v]);
    sizes.insert(sizes.begin(), bias.size(0));
    at::Tensor sum = at::zeros(sizes, at::kDouble).reshape({bias.size(0), -1}) + bias.unsqueeze(1);
    int64_t row = 0;
    for (int64_t w = 0; w < views; ++w) {
      const at::Tensor in = view_of(space, layers[w], x);
      const int64_t folded = layers[w].folded_size;
      for (const Partition& partition : valid_partitions(layers[v].axes, layers[w].axes)) {
        const at::Tensor term = naive_term(layers[v], layers[w], partition, in).reshape({c_in, folded, sum.size(1)});
        for (int64_t f = 0; f < folded; ++f) sum += theta[row++].t().mm(term.select(1, f));
      }
    }
    EXPECT_EQ(row, theta.size(0)) << "rows of " << space.views()[v].name;
    sum = sum.contiguous();
    const int64_t folded = layers[v].folded_size;
    for_each_entry(space, layers[v], [&](int tensor, int64_t entry, int64_t f, int64_t position) {
      for (int64_t c = 0; c < c_out; ++c)
        y[tensor].accessor<double, 2>()[c][entry] = sum.accessor<double, 2>()[c * folded + f][position];
    });
  }
  for (size_t t = 0; t < y.size(); ++t) {
    std::vector<int64_t> sizes = space.tensors()[t].shape;
    sizes.insert(sizes.begin(), c_out);
    y[t] = y[t].reshape(sizes);
  }
  return y;
}

}  // namespace nfopt::testing
