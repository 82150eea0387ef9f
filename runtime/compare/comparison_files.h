#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/comparison.h>

#include <filesystem>

namespace nfopt {

/// Writes compare.json (everything: runs, settings, speed-ups of every seed, bounds) into `folder`, and for every task
/// compare.svg (smoothed training loss over steps, mean and range over the seeds) and, with a sweep, sweep.svg (lowest
/// smoothed training loss over the learning rate).
NFOPT_API void write_comparison(const CompareResult& comparison, const std::filesystem::path& folder);

}  // namespace nfopt
