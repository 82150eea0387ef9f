#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/zoo/zoo.h>
#include <torch/types.h>

#include <algorithm>
#include <numeric>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "nfopt zoo shard 1";

std::vector<fs::path> shards_in(const fs::path& folder) {
  std::vector<fs::path> shards;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "shards", code))
    if (entry.path().extension() == ".safetensors") shards.push_back(entry.path());
  std::sort(shards.begin(), shards.end());
  return shards;
}

}  // namespace

Zoo Zoo::select(const std::vector<int64_t>& rows) const {
  Zoo selected;
  selected.space = space;
  for (const int64_t row : rows) selected.networks.push_back(networks.at(static_cast<size_t>(row)));
  const at::Tensor index = at::tensor(rows, at::kLong);
  for (const at::Tensor& tensor : weights) selected.weights.push_back(tensor.index_select(0, index));
  return selected;
}

void write_zoo_shard(const fs::path& file, const Zoo& networks) {
  SafetensorsFile out;
  out.metadata = {{"format", kFormat},
                  {"weight_space", to_text(*networks.space)},
                  {"networks", zoo_networks_to_json(networks.networks)}};
  const auto& described = networks.space->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    out.tensors.emplace_back(described[i].name, networks.weights.at(i).detach().contiguous());
  write_safetensors(file, out);
}

Zoo read_zoo_shard(const fs::path& file) {
  const SafetensorsFile in = read_safetensors(file);
  const auto metadata = [&](const char* key) {
    const auto found = in.metadata.find(key);
    return found == in.metadata.end() ? std::string() : found->second;
  };
  if (metadata("format") != kFormat)
    throw Error("zoo", "'" + file.string() + "' is no shard of a zoo: expected the format '" + kFormat +
                           "' in its metadata, received '" + metadata("format") + "'.");
  Zoo zoo;
  zoo.space = std::make_shared<const WeightSpace>(weight_space_from_text(metadata("weight_space")));
  zoo.networks = zoo_networks_from_json(metadata("networks"), file.string());
  std::string problems;
  for (const Tensor& tensor : zoo.space->tensors()) {
    std::vector<int64_t> shape = {zoo.size()};
    shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
    const at::Tensor* found = in.find(tensor.name);
    if (found != nullptr && found->sizes() == at::IntArrayRef(shape)) {
      zoo.weights.push_back(*found);
    } else {
      problems += "\n  '" + tensor.name + "' is missing or has another shape.";
    }
  }
  if (!problems.empty())
    throw Error("zoo", "'" + file.string() + "' does not hold the tensors that its metadata say:" + problems);
  return zoo;
}

Zoo read_zoo(const fs::path& folder) {
  const std::vector<fs::path> shards = shards_in(folder);
  if (shards.empty())
    throw Error("zoo",
                "'" + folder.string() +
                    "' holds no zoo: expected shards/*.safetensors. Train one with nfopt zoo CONFIG.yaml --out " +
                    folder.string() + ".");
  Zoo all;
  std::vector<std::vector<at::Tensor>> parts;
  for (const fs::path& file : shards) {
    Zoo shard = read_zoo_shard(file);
    if (!all.space) {
      all.space = shard.space;
      parts.resize(shard.weights.size());
    } else if (to_text(*all.space) != to_text(*shard.space)) {
      throw Error("zoo", "'" + file.string() + "' holds networks of another weight space than '" +
                             shards.front().string() + "'.");
    }
    all.networks.insert(all.networks.end(), shard.networks.begin(), shard.networks.end());
    for (size_t i = 0; i < parts.size(); ++i) parts[i].push_back(shard.weights[i]);
  }
  for (const auto& part : parts) all.weights.push_back(at::cat(part));
  std::vector<int64_t> order(all.networks.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto index = [&](int64_t row) { return all.networks[static_cast<size_t>(row)].index; };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return index(a) < index(b); });
  return all.select(order);
}

}  // namespace nfopt
