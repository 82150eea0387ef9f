#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// A live parameter and what it was when its state was made.
struct BoundParameter {
  std::string name;
  at::Tensor tensor;
  size_t group = 0;
  std::vector<int64_t> shape;
  at::ScalarType type{};
  at::Device device = at::kCPU;

  void remember();  ///< shape, type and device of the tensor as it is now
};

/// Live parameters matched to a weight space without buffers.
struct ParameterBinding {
  std::vector<BoundParameter> covered;    ///< one per tensor of the space, in its order
  std::vector<BoundParameter> uncovered;  ///< the rest, in the order given
};

/// nfopt::bind without a prefix (runtime/binding/binding.h). Groups are left 0.
/// Throws its Error, with the whole report, and Error("optimizer", ..) for more than one type or device.
ParameterBinding bind_parameters(const WeightSpace& space,
                                 const std::vector<std::pair<std::string, at::Tensor>>& named);

/// "float32 [128]", with the device unless it is the CPU.
std::string describe_tensor(at::ScalarType type, at::IntArrayRef shape, at::Device device);

/// Throws Error("optimizer", ..) that lists every parameter whose shape, type or device is not the remembered one.
void check_unchanged(const std::vector<BoundParameter>& parameters);

}  // namespace nfopt
