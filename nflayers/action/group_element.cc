#include <nfopt/nflayers/action/group_element.h>

#include <algorithm>
#include <numeric>

namespace nfopt {
namespace {

const Label& at(const WeightSpace& space, int label) { return space.labels()[static_cast<size_t>(label)]; }

int64_t image(const GroupElement& g, int label, int64_t tuple, int64_t index) {
  const auto& permutations = g.permutations[static_cast<size_t>(label)];
  return permutations.empty() ? index : permutations[static_cast<size_t>(tuple)][static_cast<size_t>(index)];
}

// Where `g` moves a tuple of ancestor indices. Each ancestor moves by the permutation of the old indices above it.
int64_t move_tuple(const WeightSpace& space, const GroupElement& g, const std::vector<int>& chain, int64_t tuple) {
  int64_t below = 1;
  for (const int label : chain) below *= at(space, label).size;
  int64_t above = 0;
  int64_t moved = 0;
  for (const int label : chain) {
    const int64_t size = at(space, label).size;
    below /= size;
    const int64_t index = tuple / below % size;
    moved = moved * size + image(g, label, above, index);
    above = above * size + index;
  }
  return moved;
}

}  // namespace

std::vector<int> ancestors(const WeightSpace& space, int label) {
  std::vector<int> chain;
  for (int parent = at(space, label).parent; parent >= 0; parent = at(space, parent).parent) chain.push_back(parent);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

int64_t tuple_count(const WeightSpace& space, int label) {
  int64_t count = 1;
  for (const int parent : ancestors(space, label)) count *= at(space, parent).size;
  return count;
}

GroupElement identity_element(const WeightSpace& space) {
  GroupElement g;
  g.permutations.resize(space.labels().size());
  return g;
}

GroupElement inverse(const WeightSpace& space, const GroupElement& g) {
  GroupElement result = identity_element(space);
  for (int label = 0; label < static_cast<int>(space.labels().size()); ++label) {
    if (!g.moves(label)) continue;
    const auto& forward = g.permutations[static_cast<size_t>(label)];
    auto& backward = result.permutations[static_cast<size_t>(label)];
    backward.assign(forward.size(), std::vector<int64_t>(forward.front().size()));
    const std::vector<int> chain = ancestors(space, label);
    for (size_t tuple = 0; tuple < forward.size(); ++tuple) {
      // What was nested in `tuple` now lives in its image, so the way back is filed there.
      auto& undo = backward[static_cast<size_t>(move_tuple(space, g, chain, static_cast<int64_t>(tuple)))];
      for (size_t i = 0; i < undo.size(); ++i) undo[static_cast<size_t>(forward[tuple][i])] = static_cast<int64_t>(i);
    }
  }
  return result;
}

GroupElement compose(const WeightSpace& space, const GroupElement& g, const GroupElement& h) {
  GroupElement result = identity_element(space);
  for (int label = 0; label < static_cast<int>(space.labels().size()); ++label) {
    if (!g.moves(label) && !h.moves(label)) continue;
    const std::vector<int> chain = ancestors(space, label);
    auto& both = result.permutations[static_cast<size_t>(label)];
    both.assign(static_cast<size_t>(tuple_count(space, label)),
                std::vector<int64_t>(static_cast<size_t>(at(space, label).size)));
    for (int64_t tuple = 0; tuple < static_cast<int64_t>(both.size()); ++tuple) {
      const int64_t moved = move_tuple(space, h, chain, tuple);
      auto& permutation = both[static_cast<size_t>(tuple)];
      for (size_t i = 0; i < permutation.size(); ++i)
        permutation[i] = image(g, label, moved, image(h, label, tuple, static_cast<int64_t>(i)));
    }
  }
  return result;
}

}  // namespace nfopt
