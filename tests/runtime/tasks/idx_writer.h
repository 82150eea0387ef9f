#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nfopt::testing {

/// IDX bytes: magic, sizes, values.
inline std::string idx_bytes(const std::vector<uint32_t>& shape, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const uint32_t size : shape)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>((size >> shift) & 255);
  return bytes + values;
}

inline void write_gz(const std::filesystem::path& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

/// A data set in Fashion-MNIST's four files that a small network learns in a few steps: the class is the brightest of
/// ten stripes.
inline void write_tiny_data(const std::filesystem::path& folder, uint32_t train, uint32_t test, uint32_t size) {
  std::filesystem::create_directories(folder);
  for (const auto& [prefix, count] : {std::pair<std::string, uint32_t>{"train", train}, {"t10k", test}}) {
    std::string images, labels;
    uint32_t noise = 12345;
    for (uint32_t n = 0; n < count; ++n) {
      const uint32_t label = n * 7 % 10;
      labels += static_cast<char>(label);
      for (uint32_t pixel = 0; pixel < size * size; ++pixel) {
        noise = noise * 1664525u + 1013904223u;
        const uint32_t stripe = pixel * 10 / (size * size);
        images += static_cast<char>((noise >> 24) / 4 + (stripe == label ? 180 : 0));
      }
    }
    write_gz(folder / (prefix + "-images-idx3-ubyte.gz"), idx_bytes({count, size, size}, images));
    write_gz(folder / (prefix + "-labels-idx1-ubyte.gz"), idx_bytes({count}, labels));
  }
}

}  // namespace nfopt::testing
