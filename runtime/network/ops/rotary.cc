#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/rotary.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt::ops {

at::Tensor rotary(const at::Tensor& x, double base) {
  if (x.dim() < 2 || x.size(-1) % 2 != 0) {
    throw Error("network", "rotary expects x [.., T, k] with an even k; received " + shape_text({{"x", x}}) + ".");
  }
  const int64_t half = x.size(-1) / 2;
  // Angles in float64: at long distances float32 would lose the phase of the fast pairs.
  const at::TensorOptions precise = x.options().dtype(at::kDouble);
  const at::Tensor speed = at::exp(at::arange(half, precise) * (-std::log(base) / static_cast<double>(half)));
  const at::Tensor angle = at::outer(at::arange(x.size(-2), precise), speed);
  const at::Tensor cos = angle.cos().to(x.scalar_type()), sin = angle.sin().to(x.scalar_type());
  const at::Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
  return at::cat({first * cos - second * sin, second * cos + first * sin}, -1);
}

}  // namespace nfopt::ops
