#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>

namespace nfopt {

/// The largest resident size of this process so far.
inline double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// One program of a pair that benchmarks/peers/side_by_side.py runs in turn, so that both see the same machine. Prints
/// "ready PARAMETERS BASE_RSS_MB", then for each line "step" that it reads the milliseconds of one step, and at the end
/// of its input the peak memory in MB.
inline void serve_steps(int64_t parameters, double base_mb, const std::function<void()>& step) {
  std::cout << "ready " << parameters << " " << base_mb << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    const auto start = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
    std::cout << passed.count() << std::endl;
  }
  std::cout << peak_rss_mb() << std::endl;
}

}  // namespace nfopt
