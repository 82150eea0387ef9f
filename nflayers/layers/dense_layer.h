#pragma once

#include <nfopt/nflayers/layers/parameter_scope.h>
#include <nfopt/nflayers/random/rng.h>
#include <torch/torch.h>

#include <memory>

namespace nfopt {

/// The parameters of a dense layer, `w` [inputs, outputs] from fill_dense_weight and `b` [outputs] = 0, to be registered
/// in the module that has the layer.
std::shared_ptr<ParameterScope> dense_layer(int64_t inputs, int64_t outputs, const Rng& rng);

/// x w + b: x [any..., inputs] -> [any..., outputs].
at::Tensor apply_dense(const ParameterScope& layer, const at::Tensor& x);

}  // namespace nfopt
