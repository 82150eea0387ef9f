#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace nfopt::ops {

/// "x [1, 8, 3], weight [2, 4, 3], bias none": what an operation received, for its error messages.
std::string shape_text(std::initializer_list<std::pair<const char*, at::Tensor>> tensors);

}  // namespace nfopt::ops
