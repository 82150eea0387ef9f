#pragma once

#include <nfopt/runtime/meta/estimator.h>

#include <memory>

namespace nfopt {

// The estimators that compare antithetic trajectories (estimator.h has the formulas). For N particles, D
// meta-parameters. Sources: PES arXiv:2112.13835, ES-Single arXiv:2304.11153.
std::unique_ptr<Estimator> make_pes(const EstimatorOptions& options, int64_t particles, int64_t size);
std::unique_ptr<Estimator> make_truncated_es(const EstimatorOptions& options, int64_t particles, int64_t size);
std::unique_ptr<Estimator> make_es_single(const EstimatorOptions& options, int64_t particles, int64_t size);
std::unique_ptr<Estimator> make_full_es(const EstimatorOptions& options, int64_t particles, int64_t size);

}  // namespace nfopt
