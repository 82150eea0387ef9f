#include "same_function.h"

#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

Examples same_functions(const Examples& examples, const nfopt::Rng& rng) {
  Examples result = examples;
  std::vector<at::Tensor>& w = result.weights;
  for (size_t layer = 0; 2 * (layer + 1) < w.size(); ++layer) {
    at::Tensor signs = at::empty_like(w[2 * layer + 1]);  // [P, units]
    signs = nfopt::fill_uniform(signs, rng.purpose("signs").index(layer), -1, 1).sign();
    w[2 * layer] = w[2 * layer] * signs.unsqueeze(2);
    w[2 * layer + 1] = w[2 * layer + 1] * signs;
    w[2 * layer + 2] = w[2 * layer + 2] * signs.unsqueeze(1);
  }
  const auto mirror = static_cast<int>(rng.purpose("mirror").integer(0, 8));
  if ((mirror & 4) != 0) {  // rows and columns change places
    w[0] = w[0].flip(2);
    result.targets = result.targets.transpose(1, 2);
  }
  for (int axis = 0; axis < 2; ++axis) {
    if (((mirror >> axis) & 1) == 0) continue;
    at::Tensor signs = at::ones({2}, w[0].options());
    signs[axis] = -1;
    w[0] = w[0] * signs;
    result.targets = result.targets.flip(1 + axis);
  }
  return result;
}
