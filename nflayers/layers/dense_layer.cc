#include <nfopt/nflayers/layers/dense_init.h>
#include <nfopt/nflayers/layers/dense_layer.h>

namespace nfopt {

std::shared_ptr<ParameterScope> dense_layer(int64_t inputs, int64_t outputs, const Rng& rng) {
  auto result =
      std::make_shared<ParameterScope>(std::vector<StoredParameter>{{"w", {inputs, outputs}}, {"b", {outputs}}});
  const torch::NoGradGuard guard;
  at::Tensor w = result->in_order()[0];
  fill_dense_weight(w, rng, inputs);
  return result;
}

at::Tensor apply_dense(const ParameterScope& layer, const at::Tensor& x) {
  const auto w_and_b = layer.in_order();
  return at::matmul(x, w_and_b[0]) + w_and_b[1];
}

}  // namespace nfopt
