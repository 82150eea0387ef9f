#include <nfopt/runtime/train/checkpointing.h>
#include <nfopt/runtime/train/trainer.h>

namespace nfopt {

Flow Checkpointing::on_begin(const Trainer& run) {
  if (run.step() > 0) saved_ = run.step();
  return Flow::kContinue;
}

Flow Checkpointing::on_step(const Trainer& run) {
  if (!run.due(run.config().checkpoint_every)) return Flow::kContinue;
  folder_.save(run.checkpoint());
  saved_ = run.step();
  return Flow::kContinue;
}

void Checkpointing::on_end(const Trainer& run, TrainResult&) {
  if (saved_ != run.step()) folder_.save(run.checkpoint());
}

}  // namespace nfopt
