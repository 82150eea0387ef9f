#include <nfopt/nflayers/layers/nfn/attention_axes.h>

#include <algorithm>
#include <map>

namespace nfopt {
namespace {

bool contains(const std::vector<int>& axes, int axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

AttentionTokens tokens_of(const LayerView& view, int index, int axis) {
  AttentionTokens result;
  result.view = index;
  for (int a = axis; a >= 0; a = view.axes[a].parent) result.along.insert(result.along.begin(), a);
  for (int other = 0; other < static_cast<int>(view.axes.size()); ++other) {
    if (contains(result.along, other)) continue;
    bool nested = false;
    for (int a = view.axes[other].parent; a >= 0; a = view.axes[a].parent) nested = nested || contains(result.along, a);
    (nested ? result.averaged : result.tokens).push_back(other);
  }
  return result;
}

}  // namespace

std::vector<AttentionAxis> attention_axes(const std::vector<LayerView>& views) {
  std::vector<AttentionAxis> result;
  std::map<int, size_t> of_label;
  for (size_t v = 0; v < views.size(); ++v) {
    for (size_t a = 0; a < views[v].axes.size(); ++a) {
      AttentionTokens part = tokens_of(views[v], static_cast<int>(v), static_cast<int>(a));
      const auto [found, fresh] = of_label.try_emplace(views[v].axes[a].label, result.size());
      if (fresh) {
        result.push_back({views[v].axes[a].label, 1, {}});
        for (int axis : part.along) result.back().size *= views[v].axes[axis].size;
      }
      result[found->second].parts.push_back(std::move(part));
    }
  }
  return result;
}

}  // namespace nfopt
