#pragma once

#include <nfopt/runtime/train/callback.h>
#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/train/train_config.h>
#include <nfopt/runtime/train/trainer.h>

#include <filesystem>

namespace nfopt {

/// Trains one network as configured, in `folder`. Every number depends on the config alone: batches and initial values
/// are functions of (seed, step), checkpoints hold the rest, so that a run that was killed and resumed equals one that
/// was not, bit for bit at the same thread count on the CPU.
///
/// Callbacks, in this order: metrics files, TensorBoard, checkpoints, early stop, signals, `more`, final scores, final
/// report.
///
/// Nothing is written before architecture, data and optimizer have been found to fit.
/// Throws Error for an architecture or data that do not fit, a device that is missing, a full disk; Diverged for
/// numbers that are not finite, as `on_non_finite` says; and whatever a callback throws.
NFOPT_API TrainResult train(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                            const Callbacks& more = {});

/// The same on data that are loaded already (load_data), so that many runs share them. LibTorch's threads are left as
/// they are: who runs several trainings side by side sets them once.
NFOPT_API TrainResult train_on(const Dataset& data, const TrainConfig& config, const std::filesystem::path& folder,
                               RunFolder::Mode mode, const Callbacks& more = {});

}  // namespace nfopt
