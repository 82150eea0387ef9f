#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Data sets by their options, each read once: families that train on the same data share its memory.
class NFOPT_API Datasets {
 public:
  /// Reads it when it is asked for the first time. Errors are those of load_dataset.
  const Dataset& get(const DataOptions& options, at::ScalarType dtype);

 private:
  struct Entry {
    DataOptions options;
    at::ScalarType dtype;
    Dataset data;
  };
  std::vector<std::unique_ptr<const Entry>> entries_;
};

}  // namespace nfopt
