#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace nfopt {

/// Unsigned bytes of any rank, row-major: what the MNIST family of data sets is stored as.
struct IdxFile {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// Reads an IDX file, plain or compressed with gzip: magic 0 0 8 rank, one big-endian u32 per axis, then the bytes.
/// Throws Error naming the file when it is missing, is no IDX file of `rank` axes, is damaged or cut short, or holds
/// more bytes than its header says. At most 2 GiB.
NFOPT_API IdxFile read_idx(const std::filesystem::path& path, int64_t rank);

}  // namespace nfopt
