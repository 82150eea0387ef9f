#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/run_options.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/train/progress_bar.h>
#include <nfopt/runtime/train/train.h>
#include <nfopt/runtime/train/train_report.h>

#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

void run_train(const RunOptions& options) {
  const YamlValue document = options.load();
  const TrainConfig config = read_train_config(document, options.config);
  const std::filesystem::path folder = options.out.empty() ? default_run_folder(config) : options.out;

  const Interruption interruption;
  const std::string name = config.optimizer.name + " seed " + std::to_string(config.seed);
  const TrainResult result = train(config, folder, options.mode(), {std::make_shared<ProgressBar>(name)});
  if (!result.finished) {
    std::fprintf(
        stderr, "Stopped after step %lld of %lld; everything is saved. Continue with:\n  %s\n",
        static_cast<long long>(result.step), static_cast<long long>(config.steps),
        ("nfopt train " + (folder / "config.yaml").string() + " --out " + folder.string() + " --resume").c_str());
    throw CLI::RuntimeError(128 + Interruption::signal());
  }
  std::fputs(summary_table(config, result, folder).c_str(), stdout);
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a network as a YAML config says");
  options->add_to(*command, "runs/<name>-<optimizer>-seed<k>");
  command->callback([options] { run_train(*options); });
}

}  // namespace nfopt::cli
