#include <nfopt/nflayers/kernels/cpu/merge_loops.h>

#include <algorithm>
#include <cstddef>

namespace nfopt::cpu {
namespace {

class LoopMerge {
 public:
  LoopMerge(ElementLoops& loops, const std::vector<LinearMap*>& maps) : loops_(loops), maps_(maps) {}

  void run() {
    for (size_t i = loops_.sizes.size(); i-- > 0;)
      if (loops_.sizes[i] == 1) drop(i);
    for (size_t i = loops_.sizes.size(); i-- > 1;)
      if (joined(i - 1)) join(i - 1);
    loops_.contiguous = loops_.strides == row_major(loops_.sizes);
  }

 private:
  bool steps_on(const std::vector<int64_t>& strides, size_t i) const {
    return strides[i] == strides[i + 1] * loops_.sizes[i + 1];
  }
  bool joined(size_t i) const {
    if (!steps_on(loops_.strides, i)) return false;
    return std::all_of(maps_.begin(), maps_.end(), [&](const LinearMap* map) {
      return steps_on(map->strides, i) && std::none_of(map->equal.begin(), map->equal.end(), [&](const auto& pair) {
               const int a = static_cast<int>(i);
               return pair.first == a || pair.second == a || pair.first == a + 1 || pair.second == a + 1;
             });
    });
  }
  void join(size_t i) {
    loops_.sizes[i + 1] *= loops_.sizes[i];
    drop(i);
  }
  void drop(size_t i) {
    const auto position = static_cast<std::ptrdiff_t>(i);
    loops_.sizes.erase(loops_.sizes.begin() + position);
    loops_.strides.erase(loops_.strides.begin() + position);
    for (LinearMap* map : maps_) {
      map->strides.erase(map->strides.begin() + position);
      std::erase_if(map->equal, [&](const auto& pair) {
        return pair.first == static_cast<int>(i) || pair.second == static_cast<int>(i);
      });
      for (auto& [a, b] : map->equal) {
        if (a > static_cast<int>(i)) --a;
        if (b > static_cast<int>(i)) --b;
      }
    }
  }

  ElementLoops& loops_;
  const std::vector<LinearMap*>& maps_;
};

}  // namespace

void merge_loops(ElementLoops& loops, const std::vector<LinearMap*>& maps) { LoopMerge(loops, maps).run(); }

}  // namespace nfopt::cpu
