#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <vector>

namespace nfopt {

/// The mean loss and accuracy of the training batches since the last row of the metrics. They stay tensors until then:
/// reading one waits for the device.
class MetricsWindow {
 public:
  void add(const at::Tensor& loss, const at::Tensor& accuracy);
  bool empty() const { return losses_.empty(); }
  double loss() const;      ///< NaN when empty
  double accuracy() const;  ///< NaN when empty
  void clear();

  NamedTensors state() const;
  void load_state(const NamedTensors& state, at::Device device);

 private:
  std::vector<at::Tensor> losses_;
  std::vector<at::Tensor> accuracies_;
};

}  // namespace nfopt
