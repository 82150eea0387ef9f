#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/fourier_encode.h>
#include <nfopt/nflayers/layers/nfn/io_sinusoidal_encoding.h>

#include <algorithm>
#include <utility>

namespace nfopt {
namespace {

struct LayerIndex {
  std::vector<int64_t> of_view;
  int64_t count = 0;
};

LayerIndex layer_index(const WeightSpace& space) {
  LayerIndex result;
  if (const auto network = FeedForward::recognize(space)) {
    for (const ViewRole& role : view_roles(*network)) result.of_view.push_back(role.layer);
    result.count = network->layers();
    return result;
  }
  std::vector<std::string> blocks;
  for (const View& view : space.views()) {
    const std::string& block = space.tensors()[space.sources()[view.source].tensors.front()].block;
    const auto found = std::find(blocks.begin(), blocks.end(), block);
    result.of_view.push_back(found - blocks.begin());
    if (found == blocks.end()) blocks.push_back(block);
  }
  result.count = static_cast<int64_t>(blocks.size());
  return result;
}

std::vector<at::Tensor> codes(const IOSinusoidalEncodingOptions& options) {
  const WeightSpace& space = *options.space();
  const FeatureViews views(space, Fold::none());
  const LayerIndex layers = layer_index(space);
  auto points = [&](int64_t n) {  // [n, D]
    return fourier_encode(at::linspace(-1, 1, n, at::TensorOptions().dtype(at::kDouble)), options.max_freq(),
                          options.num_bands());
  };
  std::vector<at::Tensor> result;
  for (size_t v = 0; v < space.views().size(); ++v) {
    const auto& factors = space.views()[v].factors;
    std::vector<int64_t> sizes = {1, 1, 2 * options.num_bands() + 1};
    for (const Factor& factor : factors) sizes.push_back(factor.size);
    at::Tensor code = at::zeros(sizes, at::kDouble);
    auto add = [&](const at::Tensor& along, size_t axis) {  // [n, D] along one axis; n = 1: everywhere
      std::vector<int64_t> shape(sizes.size(), 1);
      shape[2] = sizes[2];
      if (along.size(0) > 1) shape[3 + axis] = along.size(0);
      code += along.t().reshape(shape);
    };
    if (options.enc_layers()) add(points(layers.count).narrow(0, layers.of_view[v], 1), 0);
    for (size_t axis = 0; axis < factors.size(); ++axis)
      if (space.labels()[factors[axis].label].type == LabelType::ordered) add(points(factors[axis].size), axis);
    result.push_back(code);
  }
  return views.unfold(result);
}

}  // namespace

IOSinusoidalEncodingImpl::IOSinusoidalEncodingImpl(IOSinusoidalEncodingOptions given) : options(std::move(given)) {
  required_space(options.space(), "IOSinusoidalEncoding");
  require_channels("IOSinusoidalEncoding", options.num_bands(), options.num_bands());
  codes_ = std::make_shared<const std::vector<at::Tensor>>(codes(options));
}

void IOSinusoidalEncodingImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::IOSinusoidalEncoding(max_freq=" << options.max_freq() << ", num_bands=" << options.num_bands()
         << ", enc_layers=" << (options.enc_layers() ? "true" : "false") << ")";
}

std::vector<at::Tensor> IOSinusoidalEncodingImpl::forward(const std::vector<at::Tensor>& x) {
  if (x.size() != codes_->size())
    throw Error("layer", "IOSinusoidalEncoding expects one feature tensor per tensor of the weight space, " +
                             std::to_string(codes_->size()) + ", received " + std::to_string(x.size()) + ".");
  std::vector<at::Tensor> y;
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<int64_t> sizes = x[i].sizes().vec();
    sizes[2] = (*codes_)[i].size(2);
    y.push_back(at::cat({x[i], (*codes_)[i].to(x[i].device(), x[i].scalar_type()).expand(sizes)}, 2));
  }
  return y;
}

}  // namespace nfopt
