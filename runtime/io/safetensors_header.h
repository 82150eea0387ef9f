#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <array>
#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <vector>

namespace nfopt {

/// A number format that the file format and LibTorch share.
struct SafetensorsDtype {
  const char* name;
  uint64_t bytes;  ///< of one element
};
inline constexpr std::array<SafetensorsDtype, 10> kSafetensorsDtypes = {{{"F64", 8},
                                                                         {"F32", 4},
                                                                         {"F16", 2},
                                                                         {"BF16", 2},
                                                                         {"I64", 8},
                                                                         {"I32", 4},
                                                                         {"I16", 2},
                                                                         {"I8", 1},
                                                                         {"U8", 1},
                                                                         {"BOOL", 1}}};
inline constexpr uint64_t kLongestSafetensorsHeader = 100'000'000;
inline constexpr const char* kSafetensorsMetadata = "__metadata__";

/// What a file says about one tensor. Its bytes lie at [begin, end) after the header.
struct SafetensorsEntry {
  std::string name;
  size_t dtype = 0;  ///< index into kSafetensorsDtypes
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Reads the header of a file of `file_bytes` bytes and checks all of it, before any tensor is made: length (at most
/// 100,000,000 bytes), JSON, known dtypes, offsets contiguous and in range, no duplicate keys, total size. The stream
/// then stands at the first tensor's first byte. Throws Error that starts with `shown` and names the place.
NFOPT_API SafetensorsHeader read_safetensors_header(std::istream& in, uint64_t file_bytes, const std::string& shown);

}  // namespace nfopt
