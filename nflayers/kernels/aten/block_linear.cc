#include <nfopt/nflayers/kernels/aten/block_linear.h>
#include <nfopt/nflayers/kernels/aten/block_map.h>
#include <nfopt/nflayers/kernels/aten/check_features.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/kernels/aten/halves.h>
#include <nfopt/nflayers/kernels/aten/products.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/aten/views.h>
#include <torch/autograd.h>

#include <algorithm>
#include <set>
#include <utility>

namespace nfopt {
namespace {

using aten::ChannelMatrix;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One side of a rectangle: which channels of the signature it reads or writes, in the order of the stored parameter.
struct Channels {
  int64_t first = 0;
  int64_t stored = 1;           // entries along this side of the stored matrix
  int64_t stride = 1;           // between them
  std::vector<BlockAxis> axes;  // slowest in the parameter first, repeated ones (source 0) last; target: channel stride
  bool plain = true;            // the stored order is the order of the channels
};

struct Rectangle {
  int signature = 0;
  int parameter = 0;  // among the weights
  int64_t source = 0;
  double scale = 1.0;
  bool first_on_source = true;
  Channels rows, columns;
};

std::optional<Channels> channels_of(int64_t first, std::vector<BlockAxis> axes) {
  std::erase_if(axes, [](const BlockAxis& axis) { return axis.size == 1; });
  std::stable_sort(axes.begin(), axes.end(),
                   [](const BlockAxis& a, const BlockAxis& b) { return a.source > b.source; });
  Channels side;
  side.first = first;
  int64_t channel = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const BlockAxis& axis = axes[i];
    side.plain = side.plain && axis.source > 0 && axis.target == channel;
    channel *= axis.size;
    if (axis.source == 0) continue;
    if (side.stored == 1) side.stride = axis.source;
    if (axis.source != side.stored * side.stride) return std::nullopt;
    side.stored *= axis.size;
  }
  side.axes = std::move(axes);
  return side;
}

// The channels of one side as axes of their own: [P, B, stored axes..., repeated axes..., positions...].
at::Tensor unfolded(const Channels& side, const at::Tensor& x) {
  std::vector<int64_t> sizes = {x.size(0), x.size(1)}, strides = {x.stride(0), x.stride(1)};
  for (const BlockAxis& axis : side.axes) {
    sizes.push_back(axis.size);
    strides.push_back(axis.target * x.stride(2));
  }
  for (int64_t axis = 3; axis < x.dim(); ++axis) {
    sizes.push_back(x.size(axis));
    strides.push_back(x.stride(axis));
  }
  return x.as_strided(sizes, strides, x.storage_offset() + side.first * x.stride(2));
}

std::vector<int64_t> stored_shape(const Channels& side, const at::Tensor& x) {
  std::vector<int64_t> sizes = {x.size(0), x.size(1), side.stored};
  for (int64_t axis = 3; axis < x.dim(); ++axis) sizes.push_back(x.size(axis));
  return sizes;
}

// [P, B, channels of the signature, positions...] -> [P, B, stored, positions...]; what a number is repeated for is summed.
at::Tensor read(const Channels& side, const at::Tensor& x) {
  if (side.plain) return x.narrow(2, side.first, side.stored);
  at::Tensor axes = unfolded(side, x);
  std::vector<int64_t> repeated;
  for (size_t i = 0; i < side.axes.size(); ++i)
    if (side.axes[i].source == 0) repeated.push_back(static_cast<int64_t>(2 + i));
  if (!repeated.empty()) axes = axes.sum(repeated);
  return axes.reshape(stored_shape(side, x));
}

// The adjoint of `read`.
void add(const Channels& side, const at::Tensor& stored, const at::Tensor& y) {
  const at::Tensor axes = unfolded(side, y);
  std::vector<int64_t> sizes = axes.sizes().vec();
  for (size_t i = 0; i < side.axes.size(); ++i)
    if (side.axes[i].source == 0) sizes[2 + i] = 1;
  axes.add_(stored.view(sizes));
}

void multiply(const ChannelMatrix& m, const Channels& from, const at::Tensor& x, const Channels& to,
              const at::Tensor& y, double scale) {
  if (to.plain) {
    aten::multiply_channels(m, read(from, x), y.narrow(2, to.first, to.stored), {true, {}, {}}, scale);
    return;
  }
  const at::Tensor product = at::empty(stored_shape(to, y), y.options());
  aten::multiply_channels(m, read(from, x), product, {}, scale);
  add(to, product, y);
}

}  // namespace

struct BlockLinear::Parts {
  std::shared_ptr<const Plan> plan;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t total = 0;
  int64_t bias_total = 0;
  std::vector<Rectangle> rectangles;           // in the order of the layout
  std::vector<std::vector<int>> of_signature;  // into `rectangles`
  std::vector<int> weights, biases;            // parameters of the layout that matrices and biases read
  std::vector<std::vector<int64_t>> weight_shapes;
  std::vector<bool> covered;  // every entry of the weight is in a rectangle
  std::optional<BlockMap> weight_map, bias_map;

  ChannelMatrix matrix(const Rectangle& r, const at::Tensor& weight) const {
    return {weight.view({1, -1}), r.source, r.rows.stored, r.columns.stored, r.rows.stride, r.columns.stride};
  }
};

namespace {

using PartsPtr = std::shared_ptr<const BlockLinear::Parts>;

variable_list contiguous(at::TensorList tensors) {
  variable_list result;
  for (const at::Tensor& t : tensors) result.push_back(t.contiguous());
  return result;
}

variable_list apply_in_place(const BlockLinear::Parts& parts, const variable_list& weights, const at::Tensor& bias,
                             const variable_list& xs) {
  const Plan& plan = *parts.plan;
  const aten::Frame frame{xs.front().size(0), xs.front().size(1), parts.out_channels, xs.front().options()};
  return aten::write_views(plan, aten::expand(plan, aten::output_side(plan), frame, bias,
                                              [&](int s, const at::Tensor& y, const aten::Start& start) {
                                                if (!aten::write_start(start, y)) y.zero_();
                                                for (int i : parts.of_signature[s]) {
                                                  const Rectangle& r = parts.rectangles[i];
                                                  multiply(parts.matrix(r, weights[r.parameter]), r.columns, xs[s],
                                                           r.rows, y, r.scale);
                                                }
                                              }));
}

variable_list adjoint_in_place(const BlockLinear::Parts& parts, const variable_list& weights, const variable_list& ys) {
  const Plan& plan = *parts.plan;
  const aten::Frame frame{ys.front().size(0), ys.front().size(1), parts.in_channels, ys.front().options()};
  return aten::write_views(
      plan,
      aten::expand(plan, aten::input_side(plan), frame, {}, [&](int s, const at::Tensor& z, const aten::Start& start) {
        if (!aten::write_start(start, z)) z.zero_();
        for (int i : parts.of_signature[s]) {
          const Rectangle& r = parts.rectangles[i];
          multiply(parts.matrix(r, weights[r.parameter]).transposed(), r.rows, ys[s], r.columns, z, r.scale);
        }
      }));
}

variable_list weight_grads(const BlockLinear::Parts& parts, const variable_list& xs, const variable_list& ys) {
  variable_list grads;
  for (size_t w = 0; w < parts.weights.size(); ++w) {
    std::vector<int64_t> sizes = {1};
    sizes.insert(sizes.end(), parts.weight_shapes[w].begin(), parts.weight_shapes[w].end());
    grads.push_back(parts.covered[w] ? aten::recycled(sizes, ys.front().options())
                                     : at::zeros(sizes, ys.front().options()));
  }
  for (const Rectangle& r : parts.rectangles)
    aten::gram_into(read(r.rows, ys[r.signature]), read(r.columns, xs[r.signature]),
                    parts.matrix(r, grads[r.parameter]), !r.first_on_source, r.scale);
  return grads;
}

struct Saved : torch::CustomClassHolder {
  PartsPtr parts;
  variable_list contracted;
};

struct BlockNode : torch::autograd::Function<BlockNode> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& bias, at::TensorList weights,
                               at::TensorList features, const PartsPtr& parts) {
    auto saved = c10::make_intrusive<Saved>();
    saved->parts = parts;
    saved->contracted = aten::contract_features(*parts->plan, features.vec());
    variable_list inputs = {bias};
    inputs.insert(inputs.end(), weights.begin(), weights.end());
    inputs.insert(inputs.end(), features.begin(), features.end());
    ctx->save_for_backward(std::move(inputs));
    variable_list y = apply_in_place(*parts, contiguous(weights), bias, saved->contracted);
    ctx->saved_data["saved"] = c10::IValue::make_capsule(std::move(saved));
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& cotangents) {
    const auto saved = c10::static_intrusive_pointer_cast<Saved>(ctx->saved_data["saved"].toCapsule());
    const BlockLinear::Parts& parts = *saved->parts;
    const variable_list inputs = ctx->get_saved_variables();
    const auto first_weight = inputs.begin() + 1, first_feature = first_weight + parts.weights.size();
    const variable_list weights(first_weight, first_feature), features(first_feature, inputs.end());
    const auto ys = aten::contract_cotangents(*parts.plan, cotangents);
    at::Tensor bias;
    variable_list weight, feature;
    if (at::GradMode::is_enabled()) {  // differentiable operators: from the assembled coefficients
      const Coefficients m{at::cat({(*parts.weight_map)(weights), inputs[0]}, 1), parts.in_channels,
                           parts.out_channels};
      const at::Tensor grad =
          aten::coefficient_grad_contracted(*parts.plan, m, aten::contract_features(*parts.plan, features), ys);
      bias = grad.narrow(1, parts.total - parts.bias_total, parts.bias_total);
      weight = parts.weight_map->transposed(grad.narrow(1, 0, parts.total - parts.bias_total));
      feature = aten::adjoint_contracted(*parts.plan, m, ys);
    } else {
      bias = ys.front().narrow(2, 0, parts.bias_total).sum(at::IntArrayRef({0, 1})).unsqueeze(0);
      bool any = false;
      for (size_t w = 0; w < weights.size(); ++w) any = any || ctx->needs_input_grad(1 + w);
      weight = any ? weight_grads(parts, saved->contracted, ys) : variable_list(weights.size());
      any = false;
      for (size_t f = 0; f < features.size(); ++f) any = any || ctx->needs_input_grad(1 + weights.size() + f);
      feature = any ? adjoint_in_place(parts, contiguous(weights), ys) : variable_list(features.size());
    }
    variable_list grads = {bias};
    grads.insert(grads.end(), weight.begin(), weight.end());
    grads.insert(grads.end(), feature.begin(), feature.end());
    grads.emplace_back();  // of the parts
    return grads;
  }
};

int position(std::vector<int>& list, int value) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found != list.end()) return static_cast<int>(found - list.begin());
  list.push_back(value);
  return static_cast<int>(list.size()) - 1;
}

// Collects what BlockLinear keeps; false where a rectangle is no strided matrix.
bool collect(BlockLinear::Parts& parts, const CoefficientShape& shape, const BlockLayout& layout) {
  const Plan& plan = *parts.plan;
  BlockLayout weights, biases;
  std::set<std::pair<int, int64_t>> read_by_weights, read_by_biases;
  weights.targets = shape.weights();
  biases.targets = parts.bias_total;
  std::vector<int64_t> held;
  for (CoefficientBlock block : layout.blocks) {
    const bool bias = block.target >= shape.weights();
    if (block.parameter >= 0) {
      BlockLayout& part = bias ? biases : weights;
      block.parameter = position(bias ? parts.biases : parts.weights, block.parameter);
      if (static_cast<size_t>(block.parameter) == part.parameters.size()) {
        part.parameters.push_back(layout.parameters[(bias ? parts.biases : parts.weights).back()]);
        if (!bias) held.push_back(0);
      }
    }
    if (bias) {
      block.target -= shape.weights();
      block.first_on_source = read_by_biases.emplace(block.parameter, block.source).second;
      biases.blocks.push_back(std::move(block));
      continue;
    }
    block.first_on_source = read_by_weights.emplace(block.parameter, block.source).second;
    weights.blocks.push_back(block);
    if (block.parameter < 0) continue;
    const Signature& signature = plan.signatures[block.signature];
    const int64_t row = signature.input_channels * parts.in_channels, at = block.target - shape.matrix(signature);
    std::vector<BlockAxis> along_rows(block.axes.begin(), block.axes.begin() + block.row_axes);
    for (BlockAxis& axis : along_rows) axis.target /= row;
    const auto rows = channels_of(at / row, std::move(along_rows));
    const auto columns = channels_of(at % row, {block.axes.begin() + block.row_axes, block.axes.end()});
    if (!rows || !columns) return false;
    if (block.first_on_source) held[block.parameter] += rows->stored * columns->stored;
    parts.of_signature[block.signature].push_back(static_cast<int>(parts.rectangles.size()));
    parts.rectangles.push_back(
        {block.signature, block.parameter, block.source, block.scale, block.first_on_source, *rows, *columns});
  }
  for (size_t w = 0; w < held.size(); ++w) {
    int64_t numel = 1;
    for (int64_t size : weights.parameters[w].shape) numel *= size;
    parts.covered.push_back(held[w] == numel);
    parts.weight_shapes.push_back(weights.parameters[w].shape);
  }
  parts.weight_map.emplace(weights);
  parts.bias_map.emplace(biases);
  return !parts.weights.empty() && !parts.biases.empty();
}

}  // namespace

std::shared_ptr<const BlockLinear> BlockLinear::make(std::shared_ptr<const Plan> plan, int64_t in_channels,
                                                     int64_t out_channels, const BlockLayout& layout) {
  // Below, coefficients stay in the caches, and one product per signature is worth more.
  constexpr int64_t kLeast = 1 << 20, kLeastMean = 1 << 14;
  const CoefficientShape shape(*plan, in_channels, out_channels);
  const int64_t rectangles = static_cast<int64_t>(layout.blocks.size());
  if (shape.total() < kLeast || shape.total() < kLeastMean * rectangles) return nullptr;
  auto parts = std::make_shared<Parts>();
  parts->in_channels = in_channels;
  parts->out_channels = out_channels;
  parts->total = shape.total();
  parts->bias_total = shape.total() - shape.weights();
  parts->of_signature.resize(plan->signatures.size());
  parts->plan = std::move(plan);
  if (!collect(*parts, shape, layout)) return nullptr;
  return std::shared_ptr<const BlockLinear>(new BlockLinear(std::move(parts)));
}

std::vector<at::Tensor> BlockLinear::operator()(const std::vector<at::Tensor>& parameters,
                                                const std::vector<at::Tensor>& x) const {
  const Parts& parts = *parts_;
  const at::Tensor shape_only = parameters.front().detach().flatten().narrow(0, 0, 1).expand({1, parts.total});
  aten::check_features(*parts.plan, {shape_only, parts.in_channels, parts.out_channels}, x, parts.in_channels);
  variable_list weights, biases;
  for (int w : parts.weights) weights.push_back(parameters[w]);
  for (int b : parts.biases) biases.push_back(parameters[b]);
  const at::Tensor bias = (*parts.bias_map)(biases);
  auto grad = [](const at::Tensor& t) { return t.requires_grad(); };
  const bool graph =
      at::GradMode::is_enabled() && (bias.requires_grad() || std::any_of(weights.begin(), weights.end(), grad) ||
                                     std::any_of(x.begin(), x.end(), grad));
  if (!graph) return apply_in_place(parts, contiguous(weights), bias, aten::contract_features(*parts.plan, x));
  return BlockNode::apply(bias, at::TensorList(weights), at::TensorList(x), parts_);
}

}  // namespace nfopt
