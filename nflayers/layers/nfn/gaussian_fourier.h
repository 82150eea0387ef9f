#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of GaussianFourierFeatureTransform: `GaussianFourierOptions(1).mapping_size(128).scale(3)`.
struct NFOPT_API GaussianFourierOptions {
  GaussianFourierOptions(int64_t in_channels) : in_channels_(in_channels) {}
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, mapping_size) = 256;
  TORCH_ARG(double, scale) = 10.0;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// Random Fourier features of every entry.
///
///   u = 2 pi _B^T x[p, b, :, ...],   y = (sin u ; cos u)
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, 2 * mapping_size, shape...], any number of tensors
/// State    buffer _B [C_in, mapping_size], normal with standard deviation `scale`; saved, not trained. Large scales are
///          ill-conditioned in float32.
/// Group    commutes with every permutation of entries.
/// Paper    arXiv:2006.10739, nfn 0.1.2
class NFOPT_API GaussianFourierFeatureTransformImpl : public torch::nn::Cloneable<GaussianFourierFeatureTransformImpl> {
 public:
  explicit GaussianFourierFeatureTransformImpl(GaussianFourierOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  GaussianFourierOptions options;

 private:
  at::Tensor frequencies_;
};
TORCH_MODULE(GaussianFourierFeatureTransform);

}  // namespace nfopt
