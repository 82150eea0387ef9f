#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/run_options.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/zoo/train_zoo.h>
#include <nfopt/runtime/zoo/zoo_report.h>

#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

ZooCallbacks progress_of(const ZooConfig& config, std::unique_ptr<Progress>& progress) {
  ZooCallbacks callbacks;
  callbacks.on_notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  callbacks.on_begin = [&](const ZooProgress& at) {
    progress = std::make_unique<Progress>(config.name + " seed " + std::to_string(config.seed), at.done, at.total);
  };
  callbacks.on_step = [&](const ZooProgress& at) {
    if (progress->due())
      progress->update(at.done, std::to_string(at.networks) + " of " + std::to_string(config.networks) + " networks");
  };
  return callbacks;
}

void run_zoo(const RunOptions& options) {
  const ZooConfig config = read_zoo_config(options.load(), options.config);
  const std::filesystem::path folder = options.out.empty() ? default_zoo_folder(config) : options.out;

  const Interruption interruption;
  std::unique_ptr<Progress> progress;
  const ZooResult result = train_zoo(config, folder, options.mode(), progress_of(config, progress));
  progress.reset();
  if (!result.finished) {
    std::fprintf(
        stderr, "Stopped with %zu of %lld networks; these are saved. Continue with:\n  %s\n", result.networks.size(),
        static_cast<long long>(config.networks),
        ("nfopt zoo " + (folder / "config.yaml").string() + " --out " + folder.string() + " --resume").c_str());
    throw CLI::RuntimeError(128 + Interruption::signal());
  }
  std::fputs(zoo_summary_table(config, result, folder).c_str(), stdout);
}

}  // namespace

void add_zoo(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("zoo", "Train a population of networks with drawn hyper-parameters");
  options->add_to(*command, "runs/<name>-seed<k>");
  command->callback([options] { run_zoo(*options); });
}

}  // namespace nfopt::cli
