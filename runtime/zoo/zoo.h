#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/zoo/zoo_network.h>

#include <filesystem>
#include <vector>

namespace nfopt {

/// Trained networks of one weight space, and what is known about each.
///
///   weights[i]  [N, shape...]  of space->tensors()[i], parameters and buffers alike     networks[n]  row n
struct NFOPT_API Zoo {
  WeightSpacePtr space;
  std::vector<ZooNetwork> networks;  ///< by index
  std::vector<at::Tensor> weights;

  int64_t size() const { return static_cast<int64_t>(networks.size()); }
  /// Some of the networks, in the order given.
  Zoo select(const std::vector<int64_t>& rows) const;
};

/// One file of a zoo: the networks that were trained together.
///
/// A shard is a safetensors file that is complete in itself: one tensor [n, shape...] per tensor of the weight space,
/// its metadata say the weight space and the networks. Written whole or not at all.
NFOPT_API void write_zoo_shard(const std::filesystem::path& file, const Zoo& networks);
/// Throws Error naming the file when it is damaged or no shard of a zoo.
NFOPT_API Zoo read_zoo_shard(const std::filesystem::path& file);

/// All networks in `folder`, of `nfopt zoo`, finished or not. Throws Error when it holds none, or when two shards do not
/// belong together. Needs no plugin: shards describe themselves.
NFOPT_API Zoo read_zoo(const std::filesystem::path& folder);

}  // namespace nfopt
