// Images that are networks, edited as networks: Fashion-MNIST images are fitted by small SIRENs, all as one population,
// and an equivariant editor learns to change weights so that the image which a SIREN draws is dilated (or brightened).
// It never sees a pixel of its input, only weights.
//
//   nfopt_edit_inr                      1,024 images, about two minutes; pictures and curves in runs/edit_inr
//   nfopt_edit_inr --edit brighten --out runs/brighten

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "editor.h"
#include "images.h"
#include "same_function.h"
#include "sirens.h"

namespace {

using torch::Tensor;

constexpr int64_t kPicture = 10;  // held-out images in the picture

struct Settings {
  std::string edit = "dilate", data, out = "runs/edit_inr";
  int64_t images = 1024, held_out = 128, size = 28, width = 32;
  FitOptions fit;
  int64_t edit_steps = 500, batch = 32, channels = 32;
  double edit_rate = 2e-3;
  uint64_t seed = 0;
};

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

Examples rows(const Examples& all, const Tensor& indices) {
  Examples some;
  for (const Tensor& w : all.weights) some.weights.push_back(w.index_select(0, indices));
  some.targets = all.targets.index_select(0, indices);
  return some;
}

double mean_squared_error(const Tensor& a, const Tensor& b) { return (a - b).square().mean().item<double>(); }

/// Of what the editor makes of the examples, some at a time.
double edited_error(const Sirens& sirens, Editor& editor, const Examples& examples) {
  constexpr int64_t kAtOnce = 64;
  const torch::NoGradGuard guard;
  const int64_t count = examples.targets.size(0), size = examples.targets.size(1);
  double sum = 0;
  for (int64_t first = 0; first < count; first += kAtOnce) {
    const Examples some = rows(examples, torch::arange(first, std::min(count, first + kAtOnce)));
    const Tensor picture = sirens.render(editor->forward(some.weights), size);
    sum += mean_squared_error(picture, some.targets) * static_cast<double>(some.targets.size(0));
  }
  return sum / static_cast<double>(count);
}

/// Trains the editor; returns its held-out error over the steps.
nfopt::PlotSeries train(const Sirens& sirens, Editor& editor, const Examples& examples, const Examples& held_out,
                        const Settings& settings) {
  torch::optim::Adam adam(editor->parameters(), settings.edit_rate);
  nfopt::Progress progress("editor", 0, settings.edit_steps);
  nfopt::PlotSeries curve{"held-out images"};
  const nfopt::Rng rng = nfopt::Rng(settings.seed).purpose("edit");
  double average = 0, shown = 0;
  for (int64_t step = 0; step < settings.edit_steps; ++step) {
    const nfopt::Rng own = rng.index(static_cast<uint64_t>(step));
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < settings.batch; ++i)
      chosen.push_back(own.integer(static_cast<uint64_t>(i), examples.targets.size(0)));
    const Examples batch = same_functions(rows(examples, torch::tensor(chosen)), own);
    const double phase = static_cast<double>(step) / static_cast<double>(settings.edit_steps);
    adam.param_groups()[0].options().set_lr(settings.edit_rate * (1 + std::cos(std::numbers::pi * phase)) / 2);
    adam.zero_grad();
    const Tensor error = torch::mse_loss(sirens.render(editor->forward(batch.weights), settings.size), batch.targets);
    error.backward();
    torch::nn::utils::clip_grad_norm_(editor->parameters(), 1.0);
    adam.step();
    average = step == 0 ? error.item<double>() : 0.98 * average + 0.02 * error.item<double>();
    if (step % 100 == 0 || step + 1 == settings.edit_steps) {
      shown = edited_error(sirens, editor, held_out);
      curve.x.push_back(static_cast<double>(step));
      curve.y.push_back(shown);
    }
    progress.update(step + 1, text("squared error %.4f", average) + text("  held out %.4f", shown));
  }
  progress.finish();
  return curve;
}

/// Largest difference between editing renumbered networks and renumbering edited ones, in units of the largest weight.
double equivariance_error(const Sirens& sirens, Editor& editor, const std::vector<Tensor>& weights) {
  const torch::NoGradGuard guard;
  const nfopt::GroupAction renumber(*sirens.space(), nfopt::random_symmetry(*sirens.space(), nfopt::Rng(1)));
  const auto a = renumber(editor->forward(weights)), b = editor->forward(renumber(weights));
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, ((a[i] - b[i]).abs().max() / a[i].abs().max()).item<double>());
  return largest;
}

void plot(const std::filesystem::path& path, const Settings& settings, nfopt::PlotSeries curve, double unedited) {
  nfopt::PlotSeries without{"without an edit"};
  without.x = {curve.x.front(), curve.x.back()};
  without.y = {unedited, unedited};
  nfopt::Plot plot;
  plot.title = "An editor of networks learns to " + settings.edit;
  plot.subtitle = std::to_string(settings.images) + " SIRENs, squared error of the drawn images";
  plot.x_label = "steps of the editor";
  plot.y_label = "mean squared error";
  plot.y_scale = nfopt::Plot::Scale::logarithmic;
  plot.series = {std::move(curve), std::move(without)};
  nfopt::write_atomically(path, nfopt::to_svg(plot));
}

int run(const Settings& settings) {
  const ImageEdit wanted = image_edit(settings.edit);
  const int64_t count = settings.images + settings.held_out, pixels = settings.size * settings.size;
  const nfopt::Dataset data = nfopt::load_fashion_mnist(
      {.folder = settings.data, .image_size = settings.size == 28 ? 0 : settings.size}, torch::kFloat);
  if (data.train.size() < count || settings.images < 1 || settings.held_out < kPicture)
    throw nfopt::Error("edit_inr", "at least 1 image and " + std::to_string(kPicture) +
                                       " held-out ones, and no more than " + std::to_string(data.train.size()) +
                                       " together: received " + std::to_string(settings.images) + " and " +
                                       std::to_string(settings.held_out) + ".");
  const Tensor images = data.train.inputs.narrow(0, 0, count).reshape({count, settings.size, settings.size});

  // Every image becomes a network.
  const Sirens sirens(settings.width);
  std::printf("%lld images of %lld pixels, each as a SIREN of %lld weights\n", static_cast<long long>(count),
              static_cast<long long>(pixels), static_cast<long long>(sirens.space()->parameter_count()));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // TBB has the cores
  nfopt::Progress fitting("SIRENs", 0, count * settings.fit.steps);
  const auto weights = fit(sirens, images, settings.fit, [&](int64_t done, double error) {
    if (fitting.due()) fitting.update(done, text("squared error %.5f", error));
  });
  fitting.finish();

  const Examples all{weights, wanted(images)};
  const Examples examples = rows(all, torch::arange(settings.images));
  const Examples held_out = rows(all, torch::arange(settings.images, count));
  const torch::NoGradGuard guard;
  const Tensor drawn = sirens.render(held_out.weights, settings.size);
  const double fitted = mean_squared_error(drawn, images.narrow(0, settings.images, settings.held_out));
  const double unedited = mean_squared_error(drawn, held_out.targets);
  const double by_pixels = mean_squared_error(wanted(drawn.clamp(0, 1)), held_out.targets);

  // The editor learns on the first networks and is judged by the others.
  at::set_num_threads(threads);
  Editor editor(sirens.space(), examples.weights, settings.channels, settings.seed);
  nfopt::PlotSeries curve;
  {
    const torch::AutoGradMode on(true);
    curve = train(sirens, editor, examples, held_out, settings);
  }
  const double edited = edited_error(sirens, editor, held_out);
  const double difference = equivariance_error(sirens, editor, rows(held_out, torch::arange(kPicture)).weights);

  const std::filesystem::path folder = settings.out;
  std::filesystem::create_directories(folder);
  const Examples shown = rows(held_out, torch::arange(kPicture));
  const int64_t large = 2 * settings.size;  // a function can be drawn at any size
  const auto enlarged = [&](const Tensor& x) { return x.repeat_interleave(2, 1).repeat_interleave(2, 2); };
  write_png_grid(folder / "before_and_after.png",
                 {enlarged(images.narrow(0, settings.images, kPicture)), sirens.render(shown.weights, large),
                  sirens.render(editor->forward(shown.weights), large), enlarged(shown.targets)});
  plot(folder / "error.svg", settings, curve, unedited);

  std::printf("held-out images, mean squared error against the image, %s%s\n", settings.edit.c_str(),
              settings.edit == "dilate" ? "d" : "ed");
  std::printf("  SIRENs as they are         %.5f   (their error as pictures of the original: %.5f)\n", unedited,
              fitted);
  std::printf("  SIRENs edited as networks  %.5f   (%.1f times less)\n", edited, unedited / edited);
  std::printf("  drawn, edited as pixels    %.5f   (what the fit leaves)\n", by_pixels);
  std::printf("renumbered hidden units: relative difference %.1e\n", difference);
  std::printf("%s: rows are image, SIREN, edited SIREN, wanted image\n", (folder / "before_and_after.png").c_str());
  std::printf("%s\n", (folder / "error.svg").c_str());
  return difference < 1e-3 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Settings settings;
  CLI::App app("SIRENs of Fashion-MNIST images, edited by an equivariant network");
  app.add_option("--edit", settings.edit, "dilate or brighten")->capture_default_str();
  app.add_option("--images", settings.images, "SIRENs that the editor learns on")->capture_default_str();
  app.add_option("--held-out", settings.held_out, "SIRENs that judge it")->capture_default_str();
  app.add_option("--size", settings.size, "pixels along a side, at most 28")->capture_default_str();
  app.add_option("--width", settings.width, "units of a hidden layer")->capture_default_str();
  app.add_option("--fit-steps", settings.fit.steps, "of Adam for every SIREN")->capture_default_str();
  app.add_option("--fit-rate", settings.fit.rate, "of Adam for every SIREN")->capture_default_str();
  app.add_flag("--one-start", settings.fit.one_start, "start all SIRENs from the same random weights");
  app.add_option("--edit-steps", settings.edit_steps, "of Adam for the editor")->capture_default_str();
  app.add_option("--edit-rate", settings.edit_rate, "of Adam for the editor")->capture_default_str();
  app.add_option("--batch", settings.batch, "SIRENs of one step of the editor")->capture_default_str();
  app.add_option("--channels", settings.channels, "of the editor's layers")->capture_default_str();
  app.add_option("--seed", settings.seed, "of everything random")->capture_default_str();
  app.add_option("--data", settings.data, "folder with Fashion-MNIST; default: as for nfopt train");
  app.add_option("--out", settings.out, "folder for pictures")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  settings.fit.seed = settings.seed;
  return run(settings);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
