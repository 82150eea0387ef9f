#include <ATen/Parallel.h>
#include <nfopt/runtime/train/checkpointing.h>
#include <nfopt/runtime/train/early_stop.h>
#include <nfopt/runtime/train/final_report.h>
#include <nfopt/runtime/train/final_scores.h>
#include <nfopt/runtime/train/metrics_files.h>
#include <nfopt/runtime/train/stop_on_signal.h>
#include <nfopt/runtime/train/tensorboard_log.h>
#include <nfopt/runtime/train/train.h>
#include <torch/types.h>

namespace nfopt {
namespace {

Callbacks all_callbacks(const TrainConfig& config, const RunFolder& folder, const Callbacks& more) {
  Callbacks all = {std::make_shared<MetricsFiles>(folder.path()), std::make_shared<TensorBoardLog>(folder.path()),
                   std::make_shared<Checkpointing>(folder.checkpoints())};
  if (config.early_stop) all.push_back(std::make_shared<EarlyStop>(*config.early_stop));
  all.push_back(std::make_shared<StopOnSignal>());
  all.insert(all.end(), more.begin(), more.end());
  all.push_back(std::make_shared<FinalScores>());
  all.push_back(std::make_shared<FinalReport>(folder.path()));
  return all;
}

// The folder is made after the trainer: what does not fit together leaves no trace on the disk.
TrainResult train_in(Trainer& trainer, const std::filesystem::path& path, RunFolder::Mode mode, const Callbacks& more) {
  const RunFolder folder(path, trainer.config(), mode);
  const Callbacks callbacks = all_callbacks(trainer.config(), folder, more);
  for (const std::string& text : folder.notices())
    for (const auto& callback : callbacks) callback->on_notice(text);
  if (folder.start())
    trainer.restore(*folder.start(), read_metrics(path / "metrics.csv", metrics_columns(), folder.start()->step));
  try {
    return trainer.run(callbacks);
  } catch (const Diverged& problem) {
    const std::vector<int64_t> saved = folder.checkpoints().steps();
    throw Diverged(problem.step(), problem.message() + " " +
                                       (saved.empty() ? std::string("There is no checkpoint yet")
                                                      : "The last checkpoint is step " + std::to_string(saved.back())) +
                                       ". Try a smaller optimizer.lr, or on_non_finite: skip.");
  }
}

}  // namespace

TrainResult train(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                  const Callbacks& more) {
  at::set_num_threads(static_cast<int>(config.threads));
  Trainer trainer(config);
  return train_in(trainer, folder, mode, more);
}

TrainResult train_on(const Dataset& data, const TrainConfig& config, const std::filesystem::path& folder,
                     RunFolder::Mode mode, const Callbacks& more) {
  Trainer trainer(config, data);
  return train_in(trainer, folder, mode, more);
}

}  // namespace nfopt
