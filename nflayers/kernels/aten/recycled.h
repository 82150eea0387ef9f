#pragma once

#include <ATen/core/Tensor.h>

namespace nfopt::aten {

/// at::empty for what a layer makes anew at every step: outputs, products, gradients.
///
/// On the CPU the memory of a large tensor is kept when the tensor dies, for the next one of about its size. Given back, it
/// would return as pages that the operating system clears and maps one by one, which costs more than what layers do on
/// them. Kept and used memory together are never more than was in use at one time; three quarters of
/// that, and at most 1 GiB, are kept.
/// Elsewhere, and for small tensors, the same as at::empty.
/// [any-thread]
at::Tensor recycled(at::IntArrayRef sizes, const at::TensorOptions& options);

/// x.reshape(sizes) and at::cat, into such memory where they copy. Differentiable: in a graph these are the ordinary
/// operators.
at::Tensor recycled_reshape(const at::Tensor& x, at::IntArrayRef sizes);
at::Tensor recycled_cat(at::TensorList parts, int64_t axis);

}  // namespace nfopt::aten
