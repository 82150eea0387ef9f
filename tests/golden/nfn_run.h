#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/golden/golden_case.h"

namespace nfopt::golden {

/// What a case of nfn was computed from and what came out, under the names of the file.
struct NfnRun {
  std::map<std::string, at::Tensor> inputs;      ///< "in.weight.0", ..
  std::map<std::string, at::Tensor> parameters;  ///< "layer_0.weight", ..; without buffers
  std::map<std::string, at::Tensor> outputs;     ///< "out.weight.0", ..

  /// A copy of one input, ready for gradients.
  at::Tensor input(const GoldenCase& golden, const std::string& name);
  /// `prefix`.weight.i and `prefix`.bias.i for all i that the file has.
  std::pair<std::vector<at::Tensor>, std::vector<at::Tensor>> features(const GoldenCase& golden,
                                                                       const std::string& prefix);
  void put(const std::string& prefix, const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases);
};

/// Every `out` of the file is among the outputs and equal, and where the case has gradients so are they.
void expect_published(const GoldenCase& golden, const NfnRun& run);

}  // namespace nfopt::golden
