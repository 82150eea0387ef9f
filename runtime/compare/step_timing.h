#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <vector>

namespace nfopt {

/// Milliseconds of one step (batch, forward, backward, update) of each config, in one process with nothing beside it, on one thread:
/// after a warm-up, seven rounds of about 100 ms each (three steps at least), the configs in turn so that a slow moment
/// of the machine meets all of them; the median of the rounds. NaN for one that diverges meanwhile.
///
/// Kept in `file` together with the configs, and read back from there: a comparison that is repeated reports the same
/// times. Other configs are measured anew, all of them.
NFOPT_API std::vector<double> milliseconds_per_step(const std::vector<TrainConfig>& configs,
                                                    const std::filesystem::path& file);

}  // namespace nfopt
