#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt::ops {
namespace {

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  bool fits = weight.dim() == 3 && x.dim() >= 2 && x.size(-1) == weight.size(2) &&
              (x.size(0) == 1 || x.size(0) == weight.size(0));
  if (fits && bias.defined()) {
    fits = bias.dim() == 2 && bias.size(0) == weight.size(0) && bias.size(1) == weight.size(1);
  }
  if (fits) return;
  std::ostringstream text;
  text << "linear expects x [P|1, B.., in], weight [P, out, in], bias [P, out]; received x " << x.sizes() << ", weight "
       << weight.sizes() << ", bias ";
  if (bias.defined()) {
    text << bias.sizes();
  } else {
    text << "none";
  }
  text << ". Compare the network's input with the architecture's options.";
  throw Error("network", text.str());
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check(x, weight, bias);
  const int64_t members = weight.size(0), width = weight.size(1);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.front() = members;
  shape.back() = width;
  // [P|1, B.., in] -> [P, N, in]; expanding gives stride 0, which the batched product reads without a copy.
  const at::Tensor rows = x.reshape({x.size(0), -1, x.size(-1)}).expand({members, -1, -1});
  const at::Tensor columns = weight.transpose(1, 2);
  const at::Tensor y = bias.defined() ? at::baddbmm(bias.unsqueeze(1), rows, columns) : at::bmm(rows, columns);
  return y.reshape(shape);
}

}  // namespace nfopt::ops
