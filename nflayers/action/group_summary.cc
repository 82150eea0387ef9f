#include <nfopt/nflayers/action/group_element.h>
#include <nfopt/nflayers/action/group_summary.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/spec/table.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace nfopt {
namespace {

std::string written(const Label& label) {
  const char* sigil = label.type == LabelType::plain ? "" : label.type == LabelType::ordered ? "~" : "*";
  return sigil + label.name;
}

// "h S_12 once", "qk S_64 for each of 12".
std::vector<std::string> row(const WeightSpace& space, int label, bool in_g, bool in_layers) {
  const Label& known = space.labels()[static_cast<size_t>(label)];
  const int64_t tuples = tuple_count(space, label);
  std::string nesting;
  for (const int ancestor : ancestors(space, label))
    nesting += (nesting.empty() ? "one per " : ", ") + written(space.labels()[static_cast<size_t>(ancestor)]);
  std::string group = "S_" + std::to_string(known.size);
  if (tuples > 1) group += "^" + std::to_string(tuples);
  return {known.name.empty() ? "* (bare)" : written(known), group, nesting, in_g ? "moves" : "stays",
          in_layers ? "moves" : "folded"};
}

std::string order(const WeightSpace& space, const std::vector<bool>& moves) {
  double digits = 0;
  for (size_t label = 0; label < moves.size(); ++label)
    if (moves[label])
      digits += static_cast<double>(tuple_count(space, static_cast<int>(label))) *
                std::lgamma(static_cast<double>(space.labels()[label].size) + 1) / std::log(10.0);
  char text[64];
  if (digits < 6)
    std::snprintf(text, sizeof text, "%.0f", std::pow(10.0, digits));
  else
    std::snprintf(text, sizeof text, "about 10^%.0f", digits);
  return text;
}

}  // namespace

std::string group_summary(const WeightSpace& space, const Fold& fold) {
  const std::vector<bool> in_g = symmetric_labels(space);
  const std::vector<bool> in_layers = layer_labels(space, fold);
  std::vector<std::vector<std::string>> rows{{"permutations of", "group", "", "G", "layer group"}};
  for (size_t label = 0; label < in_g.size(); ++label) {
    if (space.labels()[label].name.empty() && !in_layers[label]) continue;  // a bare "*" in the channels: no news
    rows.push_back(row(space, static_cast<int>(label), in_g[label], in_layers[label]));
  }
  int64_t widest = 1;
  for (const LayerView& view : fold_views(space, fold)) widest = std::max(widest, view.folded_size);
  return aligned(rows, "  ") + "\n  G has " + order(space, in_g) + " elements, the layer group " +
         order(space, in_layers) + ". The widest fold multiplies channels by " + std::to_string(widest) + ".\n";
}

}  // namespace nfopt
