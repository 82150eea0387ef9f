#include <nfopt/runtime/train/final_scores.h>
#include <nfopt/runtime/train/trainer.h>
#include <torch/types.h>

namespace nfopt {

void FinalScores::on_end(const Trainer& run, TrainResult& result) {
  if (!result.finished) return;
  Members members = run.members();
  const TaskScore train = run.task().evaluate(members, run.task().train());
  const TaskScore test = run.task().evaluate(members, run.task().test());
  result.train_set_loss = train.loss.item<double>();
  result.train_set_accuracy = train.accuracy.item<double>();
  result.test_loss = test.loss.item<double>();
  result.test_accuracy = test.accuracy.item<double>();
  result.seconds = run.seconds();
}

}  // namespace nfopt
