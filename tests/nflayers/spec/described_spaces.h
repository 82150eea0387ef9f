#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <functional>
#include <string>
#include <vector>

namespace nfopt::testing {

/// A described family of networks: the cases of docs/weight-spaces.md, small enough for brute force.
struct DescribedSpace {
  std::string name;
  std::vector<TensorDescription> tensors;
};

inline TensorDescription tensor(std::string name, std::vector<int64_t> shape, std::string axes) {
  TensorDescription description;
  description.name = std::move(name);
  description.shape = std::move(shape);
  description.axes = std::move(axes);
  return description;
}

inline TensorDescription with(TensorDescription description, const std::function<void(TensorDescription&)>& change) {
  change(description);
  return description;
}

std::vector<DescribedSpace> described_spaces();

}  // namespace nfopt::testing
