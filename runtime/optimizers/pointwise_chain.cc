#include <nfopt/runtime/optimizers/pointwise_chain.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

// 32 channels of float32 in blocks of 4096 are 512 kB: what a layer reads and writes fits a second-level cache.
constexpr int64_t kBlock = 4096;

at::Tensor whole(const std::vector<PointwiseMap>& chain, at::Tensor x) {
  for (const PointwiseMap& map : chain) x = map(x);
  return x;
}

}  // namespace

at::Tensor PointwiseMap::operator()(const at::Tensor& x) const {
  at::Tensor y = at::bmm(weight.expand({x.size(0), -1, -1}), x);
  // Nobody else holds y. (baddbmm would first fill it with the bias, which costs more than the product.)
  if (bias.defined()) y.add_(bias);
  if (relu) y.relu_();
  return y;
}

at::Tensor apply_chain(const std::vector<PointwiseMap>& chain, const at::Tensor& x) {
  const int64_t elements = x.size(2);
  if (chain.empty() || elements <= kBlock || !x.is_cpu() || at::GradMode::is_enabled()) return whole(chain, x);
  const at::Tensor y = at::empty({x.size(0), chain.back().weight.size(1), elements}, x.options());
  for (int64_t first = 0; first < elements; first += kBlock) {
    const int64_t count = std::min(kBlock, elements - first);
    y.narrow(2, first, count).copy_(whole(chain, x.narrow(2, first, count)));
  }
  return y;
}

}  // namespace nfopt
