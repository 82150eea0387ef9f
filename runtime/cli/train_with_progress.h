#pragma once

#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/train/train_config.h>
#include <nfopt/runtime/train/trainer.h>

#include <filesystem>

namespace nfopt::cli {

/// Trains as configured while a bar on standard error shows how far it is; a finished run gets its plots and summary.
TrainResult train_with_progress(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode);

}  // namespace nfopt::cli
