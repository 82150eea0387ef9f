#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/position_embedding.h>
#include <torch/types.h>

namespace nfopt {

PositionEmbedding::PositionEmbedding(Sharing sharing, int64_t channels, std::shared_ptr<const ParameterLayout> layout)
    : sharing_(sharing), channels_(channels), layout_(std::move(layout)) {
  const auto& parameters = layout_->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].shape.size() == 4) kernels_.push_back(i);
  if (kernels_.empty() || sharing_ == Sharing::per_tensor) return;
  const auto size = [&](size_t kernel) {
    return std::to_string(parameters[kernel].shape[0]) + " x " + std::to_string(parameters[kernel].shape[1]);
  };
  for (const size_t kernel : kernels_)
    if (size(kernel) != size(kernels_.front()))
      throw Error("rule", "one position embedding for all kernels needs one kernel size: '" +
                              parameters[kernels_.front()].name + "' is " + size(kernels_.front()) + ", '" +
                              parameters[kernel].name + "' is " + size(kernel) + ". Use equivariant first layers.");
}

std::vector<ThetaShape> PositionEmbedding::theta_shapes() const {
  std::vector<ThetaShape> shapes;
  for (const size_t kernel : kernels_) {
    const auto& parameter = layout_->parameters()[kernel];
    const bool shared = sharing_ == Sharing::one_for_all;
    shapes.push_back(
        {shared ? "pos" : "pos." + parameter.name, {parameter.shape[0], parameter.shape[1], 1, 1, channels_}});
    if (shared) break;
  }
  return shapes;
}

std::vector<at::Tensor> PositionEmbedding::initial_theta(const Rng& rng) const {
  std::vector<at::Tensor> theta;
  for (const auto& [name, shape] : theta_shapes()) {
    std::vector<int64_t> sizes = {1};
    sizes.insert(sizes.end(), shape.begin(), shape.end());
    at::Tensor pos = at::empty(sizes, at::kDouble);
    theta.push_back(fill_normal(pos, rng.purpose(name), 0, 0.17));
  }
  return theta;
}

at::Tensor PositionEmbedding::add_to(const at::Tensor& y, std::span<const at::Tensor> theta) const {
  if (kernels_.empty()) return y;
  std::vector<at::Tensor> parts = layout_->split(y);
  for (size_t k = 0; k < kernels_.size(); ++k) {
    const auto& shape = layout_->parameters()[kernels_[k]].shape;
    const at::Tensor& pos = sharing_ == Sharing::one_for_all ? theta[0] : theta[k];
    at::Tensor& part = parts[kernels_[k]];
    const auto flat = part.sizes().vec();
    part = (part.view({flat[0], flat[1], shape[0], shape[1], shape[2], shape[3]}) + pos.permute({0, 5, 1, 2, 3, 4}))
               .reshape(flat);
  }
  return at::cat(parts, 2);
}

}  // namespace nfopt
