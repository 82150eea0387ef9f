#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/comparison.h>

#include <string>

namespace nfopt {

/// How every optimizer did on one task, best training loss first; tuned baselines are rows, too.
NFOPT_API std::string losses_table(const TaskComparison& task);

/// Speed-ups of one task: a row for each optimizer and baseline, "1.31 [1.22, 1.40]". "<" where a seed did not reach
/// the baseline's best loss.
NFOPT_API std::string speed_up_table(const TaskComparison& task, double confidence);

/// Speed-ups in training steps over all tasks, and their geometric means by group.
NFOPT_API std::string suite_table(const CompareResult& comparison);

/// All of it, as `nfopt compare` prints it.
NFOPT_API std::string describe(const CompareResult& comparison);

}  // namespace nfopt
