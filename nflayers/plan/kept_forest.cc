#include <nfopt/nflayers/plan/kept_forest.h>

#include <algorithm>

namespace nfopt {
namespace {

std::string tree_form(const KeptForest& forest, int root) {
  std::vector<std::string> children;
  for (size_t i = 0; i < forest.labels.size(); ++i)
    if (forest.parents[i] == root) children.push_back(tree_form(forest, static_cast<int>(i)));
  std::sort(children.begin(), children.end());
  std::string form = root < 0 ? "" : "(" + std::to_string(forest.labels[root]);
  for (const std::string& child : children) form += child;
  return root < 0 ? form : form + ")";
}

bool nesting_agrees(const KeptForest& forest, const KeptForest& onto, const std::vector<int>& order) {
  for (size_t j = 0; j < order.size(); ++j) {
    const int parent = onto.parents[j];
    if (forest.parents[order[j]] != (parent < 0 ? -1 : order[parent])) return false;
  }
  return true;
}

bool extend(const KeptForest& forest, const KeptForest& onto, std::vector<int>& order) {
  const size_t j = order.size();
  if (j == onto.labels.size()) return nesting_agrees(forest, onto, order);
  for (size_t i = 0; i < forest.labels.size(); ++i) {
    if (forest.labels[i] != onto.labels[j]) continue;
    if (std::find(order.begin(), order.end(), static_cast<int>(i)) != order.end()) continue;
    order.push_back(static_cast<int>(i));
    if (extend(forest, onto, order)) return true;
    order.pop_back();
  }
  return false;
}

}  // namespace

KeptForest kept_forest(std::span<const LayerAxis> axes, const Partition& cells, const std::vector<int>& kept) {
  KeptForest forest;
  for (int cell : kept) {
    const LayerAxis& axis = axes[cells[cell].front()];
    forest.labels.push_back(axis.label);
    int parent = -1;
    for (size_t i = 0; i < kept.size() && axis.parent >= 0; ++i) {
      const auto& members = cells[kept[i]];
      if (std::find(members.begin(), members.end(), axis.parent) != members.end()) parent = static_cast<int>(i);
    }
    forest.parents.push_back(parent);
  }
  return forest;
}

std::string canonical_form(const KeptForest& forest) { return tree_form(forest, -1); }

std::vector<int> alignment(const KeptForest& forest, const KeptForest& onto) {
  std::vector<int> order;
  extend(forest, onto, order);
  return order;
}

}  // namespace nfopt
