#include <nfopt/nflayers/spec/partitions.h>

#include <algorithm>
#include <utility>

namespace nfopt {
namespace {

// The published recursion: the first index joins every block of every partition of the rest, then stands alone.
std::vector<Partition> group_partitions(std::span<const int> group) {
  if (group.size() == 1) return {{{group[0]}}};
  std::vector<Partition> result;
  for (const Partition& rest : group_partitions(group.subspan(1))) {
    for (size_t block = 0; block < rest.size(); ++block) {
      Partition joined = rest;
      joined[block].insert(joined[block].begin(), group[0]);
      result.push_back(std::move(joined));
    }
    Partition alone = {{group[0]}};
    alone.insert(alone.end(), rest.begin(), rest.end());
    result.push_back(std::move(alone));
  }
  return result;
}

// Nested axes that share a block have parents that share one.
bool respects_nesting(const Partition& partition, const std::vector<int>& parents) {
  std::vector<int> block_of(parents.size());
  for (size_t block = 0; block < partition.size(); ++block)
    for (int axis : partition[block]) block_of[axis] = static_cast<int>(block);
  auto parent_block = [&](int axis) { return parents[axis] < 0 ? -1 : block_of[parents[axis]]; };
  return std::all_of(partition.begin(), partition.end(), [&](const std::vector<int>& block) {
    return std::all_of(block.begin(), block.end(),
                       [&](int axis) { return parent_block(axis) == parent_block(block.front()); });
  });
}

}  // namespace

std::vector<Partition> valid_partitions(std::span<const LayerAxis> out, std::span<const LayerAxis> in) {
  const int outs = static_cast<int>(out.size());
  std::vector<int> parents;
  std::vector<std::pair<int, std::vector<int>>> groups;  // label, axes; by first appearance
  auto add = [&](const LayerAxis& axis, int offset) {
    const int index = static_cast<int>(parents.size());
    parents.push_back(axis.parent < 0 ? -1 : axis.parent + offset);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == axis.label; });
    if (group == groups.end()) group = groups.insert(groups.end(), {axis.label, {}});
    group->second.push_back(index);
  };
  for (const LayerAxis& axis : out) add(axis, 0);
  for (const LayerAxis& axis : in) add(axis, outs);

  std::vector<Partition> result = {{}};
  for (const auto& [label, axes] : groups) {
    const auto choices = group_partitions(axes);
    std::vector<Partition> longer;
    longer.reserve(result.size() * choices.size());
    for (const Partition& head : result) {
      for (const Partition& tail : choices) {
        longer.push_back(head);
        longer.back().insert(longer.back().end(), tail.begin(), tail.end());
      }
    }
    result = std::move(longer);
  }
  if (std::any_of(parents.begin(), parents.end(), [](int parent) { return parent >= 0; }))
    std::erase_if(result, [&](const Partition& partition) { return !respects_nesting(partition, parents); });
  return result;
}

}  // namespace nfopt
