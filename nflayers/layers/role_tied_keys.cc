#include <nfopt/nflayers/layers/role_tied_keys.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

namespace nfopt::role_tied {
namespace {

constexpr const char* kRelationNames[] = {"self", "block", "else"};

const char* role_name(Role role) {
  switch (role) {
    case Role::weight:
      return "weight";
    case Role::table:
      return "table";
    case Role::bias:
      return "bias";
    case Role::scale:
      return "scale";
    case Role::stat:
      return "stat";
    case Role::other:
      break;
  }
  return "other";
}

std::string sorted(std::string letters) {
  std::sort(letters.begin(), letters.end());
  return letters;
}

}  // namespace

std::vector<KeyView> key_views(const WeightSpace& space) {
  std::map<std::string, int> blocks;
  std::vector<KeyView> result;
  for (const View& view : space.views()) {
    const Tensor& tensor = space.tensors()[space.sources()[view.source].tensors.front()];
    KeyView v;
    v.role = role_name(tensor.role);
    v.block = blocks.try_emplace(tensor.block, static_cast<int>(blocks.size())).first->second;
    for (size_t k = 0; k < view.factors.size(); ++k) {
      const Factor& factor = view.factors[k];
      const bool x = space.labels()[factor.label].type != LabelType::plain;
      const bool parent = std::any_of(view.factors.begin(), view.factors.end(),
                                      [k](const Factor& other) { return other.parent_factor == static_cast<int>(k); });
      // A weight says which axes it writes and reads; of other tensors every label is written, unless they say otherwise.
      const Slot slot = tensor.slots.at(factor.axis);
      const char letters[] = {'o', 'i', 'x'};
      const char letter = x ? 'x' : letters[static_cast<size_t>(slot)];
      v.slots += parent && !x ? static_cast<char>(std::toupper(letter)) : letter;
      v.x.push_back(x);
      v.has_x = v.has_x || x;
    }
    result.push_back(std::move(v));
  }
  return result;
}

bool has_key(const std::vector<KeyView>& views, int out, int in, const Partition& partition) {
  const auto outs = static_cast<int>(views[out].slots.size());
  bool kept = false, averaged = false;
  for (const std::vector<int>& cell : partition) {
    const bool x = std::any_of(cell.begin(), cell.end(),
                               [&](int axis) { return axis < outs ? views[out].x[axis] : views[in].x[axis - outs]; });
    if (!x) continue;
    const bool same = out == in && cell.size() == 2 && std::abs(cell[1] - cell[0]) == outs;
    if (!same && cell.size() > 1) return false;
    (same ? kept : averaged) = true;
  }
  return !(kept && averaged);
}

BlockClass class_of(const KeyView& view, const Half& half, const std::vector<int>& order) {
  BlockClass result;
  result.role = view.role;
  const auto letters = [&](const std::vector<int>& cell) {
    std::string text;
    for (const int axis : cell) text += view.slots[axis];
    return sorted(text);
  };
  const auto is_x = [&](const std::vector<int>& cell) { return view.x[cell.front()]; };
  for (const int kept : order) {
    const std::vector<int>& cell = half.cells[half.kept[kept]];
    result.keeps_x = result.keeps_x || is_x(cell);
    result.joined.push_back(is_x(cell) ? "" : letters(cell));
  }
  for (size_t c = 0; c < half.cells.size(); ++c)
    if (!is_x(half.cells[c]) && !std::binary_search(half.kept.begin(), half.kept.end(), static_cast<int>(c)))
      result.free.push_back(letters(half.cells[c]));
  std::sort(result.free.begin(), result.free.end());
  return result;
}

std::string key_of(const BlockClass& out, const BlockClass& in, Relation relation) {
  std::vector<std::string> cells;
  for (size_t j = 0; j < out.joined.size(); ++j)
    if (!out.joined[j].empty()) cells.push_back(out.joined[j] + ":" + in.joined[j]);
  for (const std::string& cell : out.free) cells.push_back(cell + ":");
  for (const std::string& cell : in.free) cells.push_back(":" + cell);
  std::sort(cells.begin(), cells.end());
  std::string text;
  for (const std::string& cell : cells) text += (text.empty() ? "" : ",") + cell;
  // Without such factors in the view, keeping and averaging them are the same: it is called keep.
  const bool keep = out.keeps_x || (relation == kSelf && !out.view_has_x);
  return out.role + "<" + in.role + "|" + kRelationNames[relation] + "|" + text + "|" + (keep ? "keep" : "mean");
}

}  // namespace nfopt::role_tied
