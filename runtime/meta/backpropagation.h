#pragma once

#include <nfopt/runtime/meta/estimator.h>

#include <memory>

namespace nfopt {

// The estimators that differentiate through the inner steps. The loss is the mean over steps (full_gradient also: the
// last step's), its gradient exact for the steps that are differentiated. Memory: the graph of `window` steps;
// full_gradient computes every segment of a trajectory twice, so that no more than one is held.
std::unique_ptr<Estimator> make_truncated_gradient(const EstimatorOptions& options, int64_t particles, int64_t size);
std::unique_ptr<Estimator> make_full_gradient(const EstimatorOptions& options, int64_t particles, int64_t size);

}  // namespace nfopt
