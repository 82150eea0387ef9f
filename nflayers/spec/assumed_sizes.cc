#include <nfopt/nflayers/spec/assumed_sizes.h>

#include <map>
#include <set>
#include <utility>

namespace nfopt {

std::vector<int> assumed_sizes(const WeightSpace& space) {
  // All labels of an axis, those of its other parts included: of [a | b] the shape tells the sum only.
  std::map<std::pair<int, int>, std::set<int>> of_axis;
  for (const View& view : space.views())
    for (const Factor& factor : view.factors) of_axis[{view.source, factor.axis}].insert(factor.label);
  std::set<std::set<int>> axes;  // equal ones say the same
  for (auto& [place, labels] : of_axis) axes.insert(std::move(labels));

  std::vector<bool> known(space.labels().size(), false);
  for (bool news = true; news;) {
    news = false;
    for (const auto& labels : axes) {
      std::vector<int> unknown;
      for (const int label : labels)
        if (!known[static_cast<size_t>(label)]) unknown.push_back(label);
      if (unknown.size() != 1) continue;
      known[static_cast<size_t>(unknown.front())] = true;
      news = true;
    }
  }

  std::vector<int> assumed;
  for (size_t label = 0; label < known.size(); ++label)
    if (!known[label]) assumed.push_back(static_cast<int>(label));
  return assumed;
}

}  // namespace nfopt
