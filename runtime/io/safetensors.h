#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// A safetensors file in memory: tensors in file order and string metadata.
struct NFOPT_API SafetensorsFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, std::string> metadata;

  const at::Tensor* find(const std::string& name) const;
};

/// Reads a file after checking all of it: header length (at most 100,000,000 bytes), JSON, known dtypes, offsets
/// contiguous and in range, no duplicate keys, total size. Any violation throws Error naming the file and the place.
/// Tensors own their memory (CPU).
NFOPT_API SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes to a temporary name in the same folder, flushes to disk, renames. On failure (full disk, no permission) the
/// temporary file is removed, an older file of this name is untouched, and Error says what happened.
NFOPT_API void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace nfopt
