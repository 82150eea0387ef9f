#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/near_names.h>

#include <algorithm>

namespace nfopt {
namespace {

// Listed names must exist, and a symmetry cannot be folded: channels are never permuted.
void check_names(const WeightSpace& space, const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const Label& label : space.labels())
    if (!label.name.empty() && label.type != LabelType::plain) known.push_back(label.name);
  std::string problems;
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const bool plain = std::any_of(space.labels().begin(), space.labels().end(),
                                   [&](const Label& label) { return label.name == name; });
    if (!problems.empty()) problems += "\n       ";
    problems += plain
                    ? "cannot fold '" + name + "': expected an ordered (~) or fixed (*) label, received a symmetry. " +
                          "Folded into the channels it would no longer be permuted."
                    : "cannot fold '" + name + "': no label has this name." + known_names(name, known);
  }
  if (!problems.empty()) throw SpecError(problems);
}

std::vector<bool> folded_labels(const WeightSpace& space, const Fold& fold) {
  const auto& labels = space.labels();
  std::vector<bool> folded(labels.size(), false);
  for (size_t i = 0; i < labels.size(); ++i) {
    switch (fold.mode) {
      case Fold::Mode::fixed:
        folded[i] = labels[i].type == LabelType::fixed;
        break;
      case Fold::Mode::all:
        folded[i] = labels[i].type != LabelType::plain;
        break;
      case Fold::Mode::none:
        break;
      case Fold::Mode::names:
        folded[i] = !labels[i].name.empty() &&
                    std::find(fold.names.begin(), fold.names.end(), labels[i].name) != fold.names.end();
        break;
    }
  }
  for (const Label& label : labels)
    if (label.parent >= 0) folded[label.parent] = false;
  return folded;
}

}  // namespace

std::vector<LayerView> fold_views(const WeightSpace& space, const Fold& fold) {
  if (fold.mode == Fold::Mode::names) check_names(space, fold.names);
  const std::vector<bool> folded = folded_labels(space, fold);
  std::vector<bool> is_parent(space.labels().size(), false);
  for (const Label& label : space.labels())
    if (label.parent >= 0) is_parent[label.parent] = true;

  std::vector<LayerView> result;
  int next_private = static_cast<int>(space.labels().size());
  for (size_t v = 0; v < space.views().size(); ++v) {
    const View& view = space.views()[v];
    LayerView layer;
    layer.view = static_cast<int>(v);
    std::vector<int> position(view.factors.size(), -1);  // factor -> layer axis
    for (size_t f = 0; f < view.factors.size(); ++f) {
      const Factor& factor = view.factors[f];
      if (folded[factor.label]) {
        layer.folded.push_back(static_cast<int>(f));
        layer.folded_size *= factor.size;
        continue;
      }
      position[f] = static_cast<int>(layer.axes.size());
      // A "*" that stays is an ordered label of its own, even where its name occurs elsewhere; a parent keeps its
      // label, because its children's blocks depend on it.
      const bool own = space.labels()[factor.label].type == LabelType::fixed && !is_parent[factor.label];
      layer.axes.push_back({own ? next_private++ : factor.label, -1, factor.size, static_cast<int>(f)});
    }
    for (LayerAxis& axis : layer.axes) {
      const int parent = view.factors[axis.factor].parent_factor;
      if (parent >= 0) axis.parent = position[parent];
    }
    result.push_back(std::move(layer));
  }
  return result;
}

}  // namespace nfopt
