// nfopt checkpoint inspect | average: what a file of meta-parameters or a run's checkpoint holds; the mean of several.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/table.h>
#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/optimizers/average_meta_parameters.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::cli {
namespace {

std::string shape_of(const at::Tensor& tensor) {
  std::string text;
  for (const int64_t size : tensor.sizes()) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

void inspect_checkpoint(const std::string& file) {
  const SafetensorsFile contents = read_safetensors(file);
  int64_t numbers = 0, bytes = 0;
  std::vector<std::vector<std::string>> tensors;
  for (const auto& [name, tensor] : contents.tensors) {
    numbers += tensor.numel();
    bytes += static_cast<int64_t>(tensor.nbytes());
    tensors.push_back({name, shape_of(tensor), c10::toString(tensor.scalar_type())});
  }
  std::printf("%s   %zu tensors, %lld numbers, %lld bytes\n", file.c_str(), tensors.size(),
              static_cast<long long>(numbers), static_cast<long long>(bytes));
  for (const auto& [key, value] : contents.metadata) {
    const bool one_line = value.find('\n') == std::string::npos;
    std::printf("%s%s%s%s", key.c_str(), one_line ? "   " : "\n", value.c_str(),
                value.empty() || value.back() != '\n' ? "\n" : "");
  }
  std::fputs(aligned(tensors, "  ").c_str(), stdout);
}

struct AverageArguments {
  std::vector<std::string> files;
  std::vector<double> weights;
  std::string out;
};

void average_checkpoints(const AverageArguments& arguments) {
  if (!arguments.weights.empty() && arguments.weights.size() != arguments.files.size())
    throw Error("checkpoint", "expected a weight for each of " + std::to_string(arguments.files.size()) +
                                  " files, received " + std::to_string(arguments.weights.size()) + " weights.");
  std::vector<WeightedMetaParameters> entries;
  for (size_t i = 0; i < arguments.files.size(); ++i)
    entries.push_back({std::filesystem::path(arguments.files[i]).filename().string(),
                       load_meta_parameters(arguments.files[i]),
                       arguments.weights.empty() ? 1.0 : arguments.weights[i]});
  save_meta_parameters(arguments.out, average(entries));
  std::printf("%s   the mean of %zu files\n", arguments.out.c_str(), entries.size());
}

}  // namespace

void add_checkpoint(CLI::App& app) {
  auto* checkpoint = app.add_subcommand("checkpoint", "Files of meta-parameters and checkpoints of runs");
  checkpoint->require_subcommand(1);
  auto* show = checkpoint->add_subcommand("inspect", "Metadata, and every tensor with its shape and type");
  const auto file = std::make_shared<std::string>();
  show->add_option("file", *file, "a .safetensors file")->required();
  show->callback([file] { inspect_checkpoint(*file); });

  auto* mean = checkpoint->add_subcommand("average", "The weighted mean of meta-parameters of one rule, as a new file");
  const auto arguments = std::make_shared<AverageArguments>();
  mean->add_option("files", arguments->files, "files of meta-parameters")->required();
  mean->add_option("--weights", arguments->weights, "one per file, separated by commas; default: all alike")
      ->delimiter(',');
  mean->add_option("--out", arguments->out, "the file to write")->required();
  mean->callback([arguments] { average_checkpoints(*arguments); });
}

}  // namespace nfopt::cli
