#include <nfopt/nflayers/layers/deep_set_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>
#include <string>

namespace nfopt {
namespace {

constexpr int64_t kBeforeElements = 3;  // [P, B, C]

/// [P, B, C, n]
at::Tensor elements(const at::Tensor& x) {
  return x.dim() == kBeforeElements ? x.unsqueeze(kBeforeElements) : x.flatten(kBeforeElements);
}

/// channels < 0: any number, but the same in all tensors.
void check_set(const std::vector<at::Tensor>& x, int64_t channels) {
  if (x.empty()) throw Error("layer", "a set of parameters needs at least one tensor, received none.");
  std::ostringstream problems;
  for (size_t i = 0; i < x.size(); ++i) {
    const at::Tensor& t = x[i];
    if (channels < 0 && t.defined() && t.dim() >= kBeforeElements) channels = t.size(2);
    if (t.defined() && t.dim() >= kBeforeElements && t.size(2) == channels) continue;
    problems << "\n       tensor " << i << ": expected [P, B, "
             << (channels < 0 ? std::string("C") : std::to_string(channels)) << ", shape...], received ";
    if (t.defined())
      problems << t.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "features of the wrong shape:" + problems.str());
}

at::Tensor mean_of_checked(const std::vector<at::Tensor>& x) {
  at::Tensor total;
  int64_t count = 0;
  for (const at::Tensor& t : x) {
    const at::Tensor e = elements(t);
    const at::Tensor sum = e.sum(kBeforeElements);
    total = total.defined() ? total + sum : sum;
    count += e.size(kBeforeElements);
  }
  return total / static_cast<double>(count);
}

}  // namespace

at::Tensor deep_set_mean(const std::vector<at::Tensor>& x) {
  check_set(x, -1);
  return mean_of_checked(x);
}

std::vector<at::Tensor> deep_set_map(const at::Tensor& theta, const at::Tensor& bias,
                                     const std::vector<at::Tensor>& x) {
  check_set(x, theta.size(2));
  const at::Tensor own = theta.select(1, 0).transpose(1, 2).unsqueeze(1);  // [P|1, 1, C_out, C_in]
  const at::Tensor shared = at::matmul(mean_of_checked(x), theta.select(1, 1)) + bias.unsqueeze(1);  // [P, B, C_out]
  std::vector<at::Tensor> y;
  for (const at::Tensor& t : x) {
    std::vector<int64_t> sizes = t.sizes().vec();
    sizes[2] = theta.size(3);
    y.push_back((at::matmul(own, elements(t)) + shared.unsqueeze(kBeforeElements)).reshape(sizes));
  }
  return y;
}

void fill_deep_set_theta(at::Tensor& theta, const Rng& rng) {
  fill_normal(theta, rng, 0, 1 / std::sqrt(2.0 * static_cast<double>(theta.size(-2))));
}

}  // namespace nfopt
