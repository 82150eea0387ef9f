#include <nfopt/nflayers/kernels/aten/weight_space_linear.h>
#include <nfopt/nflayers/layers/unf_pool_map.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <sstream>

namespace nfopt {
namespace {

constexpr int64_t kBeforeShape = 3;  // [P, B, C]

// Channels become batches: the same numbers act on each.
at::Tensor channels_as_batches(const at::Tensor& x, const std::string& name) {
  if (!x.defined() || x.dim() < kBeforeShape) {
    std::ostringstream received;
    if (x.defined())
      received << x.sizes();
    else
      received << "an undefined tensor";
    throw Error("layer",
                "'" + name + "': a pool expects features [P, B, C, shape...], received " + received.str() + ".");
  }
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[1] *= sizes[2];
  sizes[2] = 1;
  return x.reshape(sizes);
}

}  // namespace

UnfPoolMap::UnfPoolMap(const WeightSpace& space)
    : plan_(std::make_shared<const Plan>(build_plan(space, Fold::none()))) {
  const CoefficientShape shape(*plan_, 1, 1);
  std::vector<double> terms_into(plan_->views.size());
  for (const Term& term : plan_->terms) ++terms_into[term.out_view];
  std::vector<double> values(shape.total());
  for (const Term& term : plan_->terms) values[shape.weight(term, 0, 0)] = shape.mean(term) / terms_into[term.out_view];
  coefficients_ = {at::tensor(values, at::kDouble).unsqueeze(0), 1, 1};
}

std::vector<at::Tensor> UnfPoolMap::operator()(const std::vector<at::Tensor>& x) const {
  if (x.size() != plan_->tensors.size())
    throw Error("layer", "a pool expects one feature tensor per tensor of the weight space, " +
                             std::to_string(plan_->tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  std::vector<at::Tensor> batches;
  for (size_t i = 0; i < x.size(); ++i) batches.push_back(channels_as_batches(x[i], plan_->tensors[i].name));
  const at::Tensor values = coefficients_.values.to(x.front().device(), x.front().scalar_type());
  std::vector<at::Tensor> y = weight_space_linear(plan_, {values, 1, 1}, batches);
  for (size_t i = 0; i < y.size(); ++i) y[i] = y[i].reshape(x[i].sizes());
  return y;
}

}  // namespace nfopt
