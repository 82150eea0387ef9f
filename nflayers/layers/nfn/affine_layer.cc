#include <nfopt/nflayers/layers/nfn/affine_layer.h>

namespace nfopt {

void AffineLayer::draw(const Rng& rng, InitType type) const {
  const auto parameters = parameters_.in_order();
  for (size_t m = 0; m < maps_.size(); ++m)
    set_init({maps_[m].name, parameters[2 * m], parameters[2 * m + 1]}, rng, type, maps_[m].fan);
}

std::vector<at::Tensor> AffineLayer::operator()(const std::vector<at::Tensor>& x) const {
  std::vector<at::Tensor> parameters = parameters_.in_order();
  for (at::Tensor& p : parameters) p = p.unsqueeze(0);
  return (*map_)(parameters, x);
}

}  // namespace nfopt
