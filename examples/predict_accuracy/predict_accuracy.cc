// How accurate is a network? UNF, NFN and StatNN answer from its weights alone, without a single image.
//
//   nfopt_predict_accuracy configs/zoo/fashion_mnist_cnn.yaml     # trains the zoo first, or continues it
//   nfopt_predict_accuracy runs/my-zoo                            # a zoo of `nfopt zoo`
//
// The zoo is split anew for every seed; predictors of one seed see the same split. All of them are trained side by side.

#include "report.h"

#include <ATen/Parallel.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/zoo/train_zoo.h>
#include <nfopt/runtime/zoo/zoo_report.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <mutex>

namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string zoo;
  std::vector<std::string> overrides;
  fs::path out = "runs/predict_accuracy";
  int64_t seeds = 3;
  int64_t epochs = PredictorRunOptions().epochs;
  int64_t channels = PredictorRunOptions().channels;
};

// The folder of a finished zoo: the one named, or the one that a config trains.
fs::path zoo_folder(const Arguments& arguments) {
  if (fs::is_directory(arguments.zoo)) return arguments.zoo;
  const nfopt::ZooConfig config =
      nfopt::read_zoo_config(nfopt::load_config(arguments.zoo, arguments.overrides), arguments.zoo);
  const fs::path folder = nfopt::default_zoo_folder(config);
  const nfopt::Interruption interruption;
  std::unique_ptr<nfopt::Progress> progress;
  nfopt::ZooCallbacks callbacks;
  callbacks.on_notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  callbacks.on_begin = [&](const nfopt::ZooProgress& at) {
    progress = std::make_unique<nfopt::Progress>("zoo", at.done, at.total);
  };
  callbacks.on_step = [&](const nfopt::ZooProgress& at) {
    if (progress->due()) progress->update(at.done, std::to_string(at.networks) + " networks");
  };
  const nfopt::ZooResult result = nfopt::train_zoo(config, folder, nfopt::RunFolder::Mode::resume, callbacks);
  progress.reset();
  if (!result.finished)
    throw nfopt::Error("predict_accuracy", "stopped; finished networks are in '" + folder.string() +
                                               "'. Give the same command again to continue.");
  std::fputs(nfopt::zoo_summary_table(config, result, folder).c_str(), stdout);
  return folder;
}

std::vector<PredictorRunOptions> plan(const Arguments& arguments) {
  std::vector<PredictorRunOptions> runs;
  for (const std::string& name : predictor_names())  // the expensive ones first
    for (int64_t seed = 0; seed < arguments.seeds; ++seed) {
      PredictorRunOptions options;
      options.predictor = name;
      options.seed = static_cast<uint64_t>(seed);
      options.channels = arguments.channels;
      options.epochs = name == "StatNN" ? 10 * arguments.epochs : arguments.epochs;  // its steps cost next to nothing
      runs.push_back(options);
    }
  return runs;
}

std::vector<PredictorRun> train_predictors(const nfopt::Zoo& zoo, const Arguments& arguments) {
  std::vector<AccuracySplit> splits;
  for (int64_t seed = 0; seed < arguments.seeds; ++seed) splits.push_back(split_zoo(zoo, static_cast<uint64_t>(seed)));
  const std::vector<PredictorRunOptions> planned = plan(arguments);
  int64_t total = 0;
  for (const PredictorRunOptions& options : planned)
    total += options.epochs * std::max<int64_t>(1, splits[options.seed].train.size() / options.batch_size);

  std::mutex mutex;
  int64_t done = 0;
  nfopt::Progress progress("predictors", 0, total);
  std::vector<PredictorRun> runs(planned.size());
  const auto run = [&](size_t i) {
    at::set_num_threads(1);
    const std::string name = planned[i].predictor + " seed " + std::to_string(planned[i].seed);
    runs[i] = run_predictor(zoo.space, splits[planned[i].seed], planned[i], [&] {
      const std::lock_guard lock(mutex);
      ++done;
      if (progress.due()) progress.update(done, name);
    });
    const std::lock_guard lock(mutex);
    char line[160];
    std::snprintf(line, sizeof line, "%s: Kendall tau %.3f on %zu held-out networks, %s", name.c_str(),
                  runs[i].test_tau, runs[i].actual.size(), nfopt::duration_text(runs[i].seconds).c_str());
    progress.say(line);
  };
  // Isolated: a run that waits for its own kernels must not begin another one.
  tbb::parallel_for(
      size_t{0}, planned.size(), [&](size_t i) { tbb::this_task_arena::isolate([&] { run(i); }); },
      tbb::simple_partitioner());
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Test accuracy of networks, predicted from their weights"};
  app.add_option("zoo", arguments.zoo, "Folder of a zoo, or the config of one")
      ->required()
      ->type_name("DIR|CONFIG.yaml");
  app.add_option("--set", arguments.overrides, "Override a key of the config")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  app.add_option("--out", arguments.out, "Folder for figures; default runs/predict_accuracy")->type_name("DIR");
  app.add_option("--seeds", arguments.seeds, "Splits and initial values; default 3")->check(CLI::Range(1, 100));
  app.add_option("--epochs", arguments.epochs, "Of UNF and NFN, a tenth of StatNN's")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_option("--channels", arguments.channels, "Of the layers of UNF and NFN")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  CLI11_PARSE(app, argc, argv);
  try {
    at::set_num_threads(1);
    const nfopt::Zoo zoo = nfopt::read_zoo(zoo_folder(arguments));
    const std::vector<PredictorRun> runs = train_predictors(zoo, arguments);
    write_report(zoo, runs, arguments.out);
    std::printf(
        "%s%lld networks of %lld parameters; files in %s/: results.json predictions.csv scatter.svg curves.svg\n",
        tau_table(runs).c_str(), static_cast<long long>(zoo.size()),
        static_cast<long long>(zoo.space->parameter_count()), arguments.out.c_str());
    return 0;
  } catch (const nfopt::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
