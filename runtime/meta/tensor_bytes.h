#pragma once

#include <nfopt/runtime/optimizers/named_tensors.h>

#include <string>
#include <string_view>

namespace nfopt {

/// Tensors as bytes and back, bit for bit, for sending to another rank of the same build.
NFOPT_API std::string to_bytes(const NamedTensors& tensors);
/// Throws Error for bytes that are cut short. The tensors own their memory (CPU).
NFOPT_API NamedTensors tensors_from_bytes(std::string_view bytes);

}  // namespace nfopt
