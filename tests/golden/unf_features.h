#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "tests/golden/golden_case.h"

namespace nfopt::golden {

/// The published layout [batch..., axes..., C] of every tensor named `prefix + name` as [1, B, C, axes...]; `batches`
/// is 0 (B = 1) or 1.
inline std::vector<at::Tensor> features(const GoldenCase& golden, const WeightSpace& space, const std::string& prefix,
                                        int64_t batches) {
  std::vector<at::Tensor> result;
  for (const Tensor& tensor : space.tensors()) {
    at::Tensor t = golden.tensor(prefix + tensor.name);
    if (batches == 0) t = t.unsqueeze(0);
    result.push_back(t.movedim(-1, 1).unsqueeze(0).clone());
  }
  return result;
}

}  // namespace nfopt::golden
