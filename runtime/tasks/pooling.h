#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <vector>

namespace nfopt {

/// How many 1/`outputs` parts of input pixel j lie under output pixel i, as (j, parts): exact overlaps of a line of
/// `inputs` pixels cut into `outputs` equal windows. The parts of one window sum to `inputs`.
NFOPT_API std::vector<std::vector<std::pair<int64_t, int64_t>>> window_overlaps(int64_t inputs, int64_t outputs);

/// Area means of `count` images of height x width bytes, pooled to size x size, row-major. The sums are integers, hence
/// exact; each result is rounded once, by its final division.
NFOPT_API std::vector<double> pool_area_mean(const std::vector<uint8_t>& images, int64_t count, int64_t height,
                                             int64_t width, int64_t size);

}  // namespace nfopt
