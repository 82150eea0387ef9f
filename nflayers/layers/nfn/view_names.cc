#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/view_names.h>

namespace nfopt {

std::vector<std::string> view_names(const WeightSpace& space, const std::string& weights, const std::string& biases,
                                    const std::string& others) {
  std::vector<std::string> names;
  if (const auto network = FeedForward::recognize(space)) {
    for (const ViewRole& role : view_roles(*network))
      names.push_back((role.bias ? biases : weights) + std::to_string(role.layer));
    return names;
  }
  for (const View& view : space.views()) names.push_back(others + view.name);
  return names;
}

}  // namespace nfopt
