// nfopt checkpoint inspect: what a file of meta-parameters or a run's checkpoint holds.

#include <nfopt/nflayers/spec/table.h>
#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/io/safetensors.h>

#include <cstdio>
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

}  // namespace

void add_checkpoint(CLI::App& app) {
  auto* checkpoint = app.add_subcommand("checkpoint", "Files of meta-parameters and checkpoints of runs");
  checkpoint->require_subcommand(1);
  auto* show = checkpoint->add_subcommand("inspect", "Metadata, and every tensor with its shape and type");
  const auto file = std::make_shared<std::string>();
  show->add_option("file", *file, "a .safetensors file")->required();
  show->callback([file] { inspect_checkpoint(*file); });
}

}  // namespace nfopt::cli
