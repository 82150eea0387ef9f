#include <nfopt/runtime/cli/train_with_progress.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/train/train_report.h>

#include <cmath>
#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

std::string status_of(const StepReport& report) {
  char text[96];
  std::string status;
  if (!std::isnan(report.train_loss)) {
    std::snprintf(text, sizeof text, "train loss %.4f", report.train_loss);
    status += text;
  }
  if (!std::isnan(report.test_accuracy)) {
    std::snprintf(text, sizeof text, "  test accuracy %.2f %%", 100 * report.test_accuracy);
    status += text;
  }
  return status;
}

}  // namespace

TrainResult train_with_progress(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode) {
  std::unique_ptr<Progress> progress;
  const std::string name = config.optimizer.name + " seed " + std::to_string(config.seed);
  TrainCallbacks callbacks;
  callbacks.on_notice = [&](const std::string& text) {
    if (progress) progress->finish();
    std::fprintf(stderr, "%s\n", text.c_str());
  };
  callbacks.on_begin = [&](const StepReport& report) {
    progress = std::make_unique<Progress>(name, report.step, report.total);
  };
  callbacks.on_step = [&](const StepReport& report) {
    if (progress->due()) progress->update(report.step, status_of(report));
    return Flow::kContinue;
  };
  callbacks.on_end = [&](const StepReport&) { progress.reset(); };

  TrainResult result = train(config, folder, mode, callbacks);
  if (result.finished) {
    write_train_plots(config, folder);
    write_train_summary(config, result, folder);
  }
  return result;
}

}  // namespace nfopt::cli
