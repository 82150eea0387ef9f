#include <nfopt/nflayers/layers/nfn/tuple_op.h>

namespace nfopt {

std::shared_ptr<torch::nn::Module> TupleOpImpl::clone(const std::optional<torch::Device>& device) const {
  auto copy = std::make_shared<TupleOpImpl>(op_.clone(device));
  copy->train(is_training());
  return copy;
}

std::vector<at::Tensor> TupleOpImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> y;
  y.reserve(x.size());
  for (const at::Tensor& t : x) y.push_back(op_.forward(t));
  return y;
}

}  // namespace nfopt
