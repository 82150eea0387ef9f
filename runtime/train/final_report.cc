#include <nfopt/runtime/train/final_report.h>
#include <nfopt/runtime/train/train_report.h>
#include <nfopt/runtime/train/trainer.h>

namespace nfopt {

void FinalReport::on_end(const Trainer& run, TrainResult& result) {
  if (!result.finished) return;
  write_train_plots(run.config(), folder_);
  result.seconds = run.seconds();
  write_train_summary(run.config(), result, folder_);
}

}  // namespace nfopt
