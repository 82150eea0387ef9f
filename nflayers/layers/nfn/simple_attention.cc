#include <nfopt/nflayers/layers/nfn/simple_attention.h>
#include <torch/torch.h>

#include <cmath>

namespace nfopt {

at::Tensor simple_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  return at::matmul((at::matmul(q, k.transpose(-2, -1)) * scale).softmax(-1), v);
}

}  // namespace nfopt
