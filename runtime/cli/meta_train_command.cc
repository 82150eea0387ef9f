#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/run_options.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/meta/meta_report.h>
#include <nfopt/runtime/meta/meta_run_identity.h>
#include <nfopt/runtime/meta/meta_train.h>
#include <nfopt/runtime/train/interruption.h>

#include <cmath>
#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

std::string status_of(const MetaStepReport& report) {
  char text[160];
  std::snprintf(text, sizeof text, "%.0f inner steps/s  meta-loss %.4f", report.inner_steps_per_second,
                report.meta_loss);
  std::string status = text;
  if (!std::isnan(report.evaluation)) {
    std::snprintf(text, sizeof text, "  held-out %.4f (best %.4f)", report.evaluation, report.best_evaluation);
    status += text;
  }
  return status;
}

// Rank 0 reports for all.
MetaTrainCallbacks progress_of(const MetaTrainConfig& config, std::unique_ptr<Progress>& progress) {
  MetaTrainCallbacks callbacks;
  callbacks.on_notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  callbacks.on_begin = [&](const MetaStepReport& report) {
    progress =
        std::make_unique<Progress>(config.rule + " seed " + std::to_string(config.seed), report.step, report.total);
  };
  callbacks.on_step = [&](const MetaStepReport& report) {
    if (progress->due()) progress->update(report.step, status_of(report));
  };
  callbacks.on_end = [&](const MetaStepReport&) { progress.reset(); };
  return callbacks;
}

void run_meta_train(const RunOptions& options) {
  const MetaTrainConfig config = read_meta_train_config(options.load(), options.config);
  const std::filesystem::path folder = options.out.empty() ? default_meta_folder(config) : options.out;
  ProcessGroup group = process_group_from_environment();
  group.timeout = config.rank_timeout;
  group.meeting_timeout = config.meeting_timeout;
  const bool root = group.rank == 0;

  const Interruption interruption;
  const std::unique_ptr<Communicator> communicator = make_communicator(group);
  std::unique_ptr<Progress> progress;
  const MetaTrainResult result = meta_train(config, folder, options.mode(), *communicator,
                                            root ? progress_of(config, progress) : MetaTrainCallbacks());
  if (root) {
    if (result.finished || result.signal == 0) std::fputs(meta_summary_table(config, result, folder).c_str(), stdout);
    if (!result.finished)
      std::fprintf(stderr, "Stopped after outer step %lld of %lld; everything is saved. Continue with:\n  %s\n",
                   static_cast<long long>(result.step), static_cast<long long>(config.outer_steps),
                   ("nfopt meta-train " + (folder / "config.yaml").string() + " --out " + folder.string() + " --resume")
                       .c_str());
  }
  if (!result.finished && result.signal != 0) throw CLI::RuntimeError(128 + result.signal);
}

}  // namespace

void add_meta_train(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("meta-train", "Meta-train an optimizer as a YAML config says");
  options->add_to(*command, "runs/<name>-<rule>-seed<k>");
  command->callback([options] { run_meta_train(*options); });
}

}  // namespace nfopt::cli
