#include <nfopt/runtime/tasks/pooling.h>

#include <algorithm>

namespace nfopt {

std::vector<std::vector<std::pair<int64_t, int64_t>>> window_overlaps(int64_t inputs, int64_t outputs) {
  std::vector<std::vector<std::pair<int64_t, int64_t>>> windows(static_cast<size_t>(outputs));
  // In units of 1/outputs of an input pixel: input j covers [j*outputs, (j+1)*outputs), window i [i*inputs,
  // (i+1)*inputs).
  for (int64_t i = 0; i < outputs; ++i)
    for (int64_t j = i * inputs / outputs; j < inputs && j * outputs < (i + 1) * inputs; ++j) {
      const int64_t parts = std::min((j + 1) * outputs, (i + 1) * inputs) - std::max(j * outputs, i * inputs);
      if (parts > 0) windows[static_cast<size_t>(i)].emplace_back(j, parts);
    }
  return windows;
}

std::vector<double> pool_area_mean(const std::vector<uint8_t>& images, int64_t count, int64_t height, int64_t width,
                                   int64_t size) {
  const auto rows = window_overlaps(height, size);
  const auto columns = window_overlaps(width, size);
  const auto area = static_cast<double>(height * width);
  std::vector<double> pooled;
  pooled.reserve(static_cast<size_t>(count * size * size));
  for (int64_t n = 0; n < count; ++n) {
    const uint8_t* image = images.data() + n * height * width;
    for (const auto& row : rows)
      for (const auto& column : columns) {
        int64_t sum = 0;
        for (const auto& [y, tall] : row)
          for (const auto& [x, wide] : column) sum += tall * wide * image[y * width + x];
        pooled.push_back(static_cast<double>(sum) / area);
      }
  }
  return pooled;
}

}  // namespace nfopt
