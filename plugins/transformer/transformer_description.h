#pragma once

#include "transformer_shape.h"

#include <nfopt/nflayers/spec/tensor_description.h>

#include <vector>

namespace nfopt::transformer {

/// Every parameter with its axes (docs/architectures/transformer.md has the table).
std::vector<TensorDescription> transformer_description(const TransformerShape& shape);

}  // namespace nfopt::transformer
