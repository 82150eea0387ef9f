#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/run_options.h>
#include <nfopt/runtime/cli/train_with_progress.h>
#include <nfopt/runtime/train/compare.h>
#include <nfopt/runtime/train/interruption.h>

#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

void run_compare(const RunOptions& options) {
  YamlValue document = options.load();
  if (options.seed) apply_override(document, "compare.seeds=[" + *options.seed + "]");
  const CompareConfig compare = read_compare_config(document, options.config);
  const TrainConfig base = read_train_config(document, options.config);
  const std::filesystem::path folder = options.out.empty() ? "runs/" + base.name + "-compare" : options.out.string();

  const Interruption interruption;
  std::vector<ComparedOptimizer> optimizers;
  for (const std::string& name : compare.optimizers) {
    std::vector<TrainResult> runs;
    for (const int64_t seed : compare.seeds) {
      const TrainConfig config = config_of_run(document, options.config, name, seed);
      const std::filesystem::path run = folder_of_run(folder, config);
      if (std::optional<TrainResult> found = finished_run(config, run)) {
        std::fprintf(stderr, "%s: finished earlier, reused\n", run.string().c_str());
        runs.push_back(std::move(*found));
        continue;
      }
      runs.push_back(train_with_progress(config, run, options.mode()));
      if (!runs.back().finished) {
        std::fprintf(stderr,
                     "Stopped in %s after step %lld; everything is saved. Give the same command with --resume.\n",
                     run.string().c_str(), static_cast<long long>(runs.back().step));
        throw CLI::RuntimeError(128 + Interruption::signal());
      }
    }
    optimizers.push_back(summarize(name, std::move(runs)));
  }
  write_comparison(optimizers, document, options.config, compare, folder);
  std::printf("%s: %zu optimizers, %zu seeds, %lld steps\n%splot   %s\nfiles  %s/: compare.json and one folder a run\n",
              base.name.c_str(), compare.optimizers.size(), compare.seeds.size(), static_cast<long long>(base.steps),
              comparison_table(optimizers).c_str(), (folder / "compare.svg").c_str(), folder.string().c_str());
}

}  // namespace

void add_compare(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command =
      app.add_subcommand("compare", "Train one task with several optimizers and seeds (section `compare`)");
  options->add_to(*command, "runs/<name>-compare");
  command->callback([options] { run_compare(*options); });
}

}  // namespace nfopt::cli
