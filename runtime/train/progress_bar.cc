#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/train/progress_bar.h>
#include <nfopt/runtime/train/trainer.h>

#include <cmath>
#include <cstdio>

namespace nfopt {
namespace {

std::string status_of(const Trainer& run) {
  char text[96];
  std::string status;
  if (const double loss = run.train_loss(); !std::isnan(loss)) {
    std::snprintf(text, sizeof text, "train loss %.4f", loss);
    status += text;
  }
  if (const double accuracy = run.test_accuracy(); !std::isnan(accuracy)) {
    std::snprintf(text, sizeof text, "  test accuracy %.2f %%", 100 * accuracy);
    status += text;
  }
  return status;
}

}  // namespace

ProgressBar::ProgressBar(std::string name) : name_(std::move(name)) {}
ProgressBar::~ProgressBar() = default;

Flow ProgressBar::on_begin(const Trainer& run) {
  progress_ = std::make_unique<Progress>(name_, run.step(), run.config().steps);
  return Flow::kContinue;
}

Flow ProgressBar::on_step(const Trainer& run) {
  if (progress_->due()) progress_->update(run.step(), status_of(run));
  return Flow::kContinue;
}

void ProgressBar::on_end(const Trainer&, TrainResult&) { progress_.reset(); }

void ProgressBar::on_notice(const std::string& text) {
  if (progress_) progress_->finish();
  std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace nfopt
