#include <nfopt/nflayers/layers/relu.h>

namespace nfopt {

std::vector<at::Tensor> relu(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> y;
  y.reserve(x.size());
  for (const at::Tensor& t : x) y.push_back(at::relu(t));
  return y;
}

}  // namespace nfopt
