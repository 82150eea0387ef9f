#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/run_options.h>
#include <nfopt/runtime/compare/comparison.h>
#include <nfopt/runtime/compare/comparison_files.h>
#include <nfopt/runtime/compare/comparison_tables.h>
#include <nfopt/runtime/train/interruption.h>

#include <cstdio>
#include <memory>

namespace nfopt::cli {
namespace {

void run_compare(const RunOptions& options) {
  YamlValue document = options.load();
  if (options.seed) apply_override(document, "compare.seeds=[" + *options.seed + "]");
  const CompareConfig config = read_compare_config(document, options.config);
  const std::string name = read_train_config(document, options.config).name;
  const std::filesystem::path folder = options.out.empty() ? "runs/" + name + "-compare" : options.out.string();
  const std::vector<CompareTask> tasks = tasks_of(config, document, options.config, folder);

  const Interruption interruption;
  RunJobsOptions jobs;
  jobs.mode = options.mode();
  jobs.threads = config.threads;
  jobs.on_notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  try {
    const CompareResult comparison = compare(config, tasks, jobs);
    write_comparison(comparison, folder);
    std::printf("%sfiles  %s/: compare.json and one folder a run\n", describe(comparison).c_str(),
                folder.string().c_str());
  } catch (const ComparisonStopped& stopped) {
    std::fprintf(stderr, "%s\n", stopped.what());
    throw CLI::RuntimeError(128 + Interruption::signal());
  }
}

}  // namespace

void add_compare(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command =
      app.add_subcommand("compare",
                         "Train one task, or several, with several optimizers and seeds; tune baselines; "
                         "tell speed-ups (section `compare`)");
  options->add_to(*command, "runs/<name>-compare");
  command->callback([options] { run_compare(*options); });
}

}  // namespace nfopt::cli
