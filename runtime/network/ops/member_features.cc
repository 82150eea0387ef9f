#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/member_features.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor beside_features(const char* operation, const at::Tensor& x, const at::Tensor& parameter) {
  const bool fits = parameter.dim() == 2 && x.dim() >= 2 && x.size(-1) == parameter.size(1) &&
                    (x.size(0) == 1 || x.size(0) == parameter.size(0));
  if (!fits) {
    throw Error("network", std::string(operation) + " expects x [P|1, B.., d] and parameters [P, d]; received " +
                               shape_text({{"x", x}, {"parameter", parameter}}) + ".");
  }
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape.front() = parameter.size(0);
  shape.back() = parameter.size(1);
  return parameter.view(shape);
}

}  // namespace nfopt::ops
