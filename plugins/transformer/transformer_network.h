#pragma once

#include "transformer_shape.h"

#include <nfopt/runtime/network/network.h>

#include <memory>

namespace nfopt::transformer {

/// Tokens x [P|1, B, T]  ->  logits of the next token at every position, [P, B, T, vocabulary].
std::unique_ptr<Network> make_transformer_network(TransformerShape shape);

}  // namespace nfopt::transformer
