#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/spec/error.h>

#include <numeric>

namespace nfopt {
namespace {

// By name, so that adding a tensor to a network does not change what happens to the rest; a bare "*" has no name.
Rng label_rng(const WeightSpace& space, int label, const Rng& rng) {
  const std::string& name = space.labels()[static_cast<size_t>(label)].name;
  return name.empty() ? rng.purpose("bare").index(static_cast<uint64_t>(label)) : rng.purpose("label").purpose(name);
}

std::vector<std::vector<int64_t>> random_permutations(const WeightSpace& space, int label, const Rng& rng) {
  const Rng own = label_rng(space, label, rng);
  std::vector<std::vector<int64_t>> permutations;
  for (int64_t tuple = 0; tuple < tuple_count(space, label); ++tuple)
    permutations.push_back(
        own.index(static_cast<uint64_t>(tuple)).permutation(space.labels()[static_cast<size_t>(label)].size));
  return permutations;
}

GroupElement random_element(const WeightSpace& space, const std::vector<bool>& moves, const Rng& rng) {
  GroupElement g = identity_element(space);
  for (size_t label = 0; label < moves.size(); ++label)
    if (moves[label]) g.permutations[label] = random_permutations(space, static_cast<int>(label), rng);
  return g;
}

bool is_identity(const std::vector<int64_t>& permutation) {
  for (size_t i = 0; i < permutation.size(); ++i)
    if (permutation[i] != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

std::vector<bool> symmetric_labels(const WeightSpace& space) {
  std::vector<bool> moves;
  for (const Label& label : space.labels()) moves.push_back(label.type == LabelType::plain);
  return moves;
}

std::vector<bool> layer_labels(const WeightSpace& space, const Fold& fold) {
  std::vector<bool> moves(space.labels().size(), false);
  for (const LayerView& layer : fold_views(space, fold)) {
    const View& view = space.views()[static_cast<size_t>(layer.view)];
    for (const LayerAxis& axis : layer.axes)
      moves[static_cast<size_t>(view.factors[static_cast<size_t>(axis.factor)].label)] = true;
  }
  return moves;
}

GroupElement random_symmetry(const WeightSpace& space, const Rng& rng) {
  return random_element(space, symmetric_labels(space), rng);
}

GroupElement random_layer_element(const WeightSpace& space, const Fold& fold, const Rng& rng) {
  return random_element(space, layer_labels(space, fold), rng);
}

GroupElement random_element_of(const WeightSpace& space, int label, const Rng& rng) {
  if (label < 0 || label >= static_cast<int>(space.labels().size()))
    throw Error("action", "Label " + std::to_string(label) + " does not exist: expected 0.." +
                              std::to_string(static_cast<int64_t>(space.labels().size()) - 1) + ".");
  GroupElement g = identity_element(space);
  auto& permutations = g.permutations[static_cast<size_t>(label)];
  permutations = random_permutations(space, label, rng);
  // A shift replaces the identity: half of all permutations of two heads would show nothing.
  for (auto& permutation : permutations)
    if (is_identity(permutation))
      for (size_t i = 0; i < permutation.size(); ++i)
        permutation[i] = static_cast<int64_t>((i + 1) % permutation.size());
  return g;
}

}  // namespace nfopt
