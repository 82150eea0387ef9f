#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/zoo/zoo_config.h>
#include <nfopt/runtime/zoo/zoo_network.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// Networks that are trained as one population: equal batch size, optimizer and options; numbers of steps rise.
struct ZooChunk {
  int64_t number = 0;
  std::vector<ZooNetwork> networks;

  const HyperParameters& shared() const { return networks.front().hyper_parameters; }
  int64_t steps() const { return networks.back().hyper_parameters.steps; }
  double cost() const;  ///< in arbitrary units, to start expensive chunks first
  std::string file_name() const;
};

/// Everything random about network `index` derives from this.
NFOPT_API Rng zoo_rng(const ZooConfig& config, int64_t index);

/// All networks of a config with their hyper-parameters, dealt out to chunks. A pure function of the config: threads,
/// interruptions and resumes change neither draws nor chunks, and the size of the chunks changes no draw.
NFOPT_API std::vector<ZooChunk> plan_zoo(const ZooConfig& config);

}  // namespace nfopt
