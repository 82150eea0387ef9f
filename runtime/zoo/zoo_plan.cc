#include <nfopt/runtime/zoo/zoo_plan.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace nfopt {
namespace {

// Equal for networks that can be one population.
std::string population_of(const HyperParameters& h) {
  std::string key = h.optimizer + " " + std::to_string(h.batch_size);
  for (const auto& [name, value] : h.options) key += " " + name + "=" + to_string(value);
  return key;
}

}  // namespace

double ZooChunk::cost() const {
  return static_cast<double>(networks.size()) * static_cast<double>(steps()) *
         static_cast<double>(shared().batch_size + 16);
}

std::string ZooChunk::file_name() const {
  char name[64];
  std::snprintf(name, sizeof name, "chunk-%06lld.safetensors", static_cast<long long>(number));
  return name;
}

Rng zoo_rng(const ZooConfig& config, int64_t index) {
  return Rng(static_cast<uint64_t>(config.seed)).purpose("zoo").index(static_cast<uint64_t>(index));
}

std::vector<ZooChunk> plan_zoo(const ZooConfig& config) {
  std::map<std::string, std::vector<ZooNetwork>> populations;
  for (int64_t i = 0; i < config.networks; ++i) {
    ZooNetwork network;
    network.index = i;
    network.hyper_parameters = draw_hyper_parameters(config.draw, zoo_rng(config, i).purpose("draw"));
    populations[population_of(network.hyper_parameters)].push_back(std::move(network));
  }
  std::vector<ZooChunk> chunks;
  for (auto& [key, networks] : populations) {
    // A population trains until its last member has had its steps: members with similar numbers belong together.
    std::stable_sort(networks.begin(), networks.end(), [](const ZooNetwork& a, const ZooNetwork& b) {
      return a.hyper_parameters.steps < b.hyper_parameters.steps;
    });
    const auto size = static_cast<size_t>(config.networks_per_chunk);
    for (size_t begin = 0; begin < networks.size(); begin += size) {
      ZooChunk chunk;
      chunk.number = static_cast<int64_t>(chunks.size());
      chunk.networks.assign(networks.begin() + static_cast<int64_t>(begin),
                            networks.begin() + static_cast<int64_t>(std::min(networks.size(), begin + size)));
      chunks.push_back(std::move(chunk));
    }
  }
  return chunks;
}

}  // namespace nfopt
