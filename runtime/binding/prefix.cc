#include <nfopt/runtime/binding/prefix.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace nfopt {
namespace {

using Counts = std::map<std::string, size_t>;

// For every name of `longer` that is "<prefix>.<name of shorter>": one count for "<prefix>.".
Counts count_prefixes(const std::vector<std::string>& longer, const std::vector<std::string>& shorter) {
  const std::unordered_set<std::string> known(shorter.begin(), shorter.end());
  Counts counts;
  for (const auto& name : longer) {
    if (known.contains(name)) ++counts[""];
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      if (known.contains(name.substr(dot + 1))) ++counts[name.substr(0, dot + 1)];
  }
  return counts;
}

}  // namespace

std::string Prefix::live_name(const std::string& described) const {
  if (added.empty()) return removed + described;
  return described.starts_with(added) ? described.substr(added.size()) : "";
}

std::string to_string(const Prefix& prefix) {
  if (!prefix.removed.empty()) return "'" + prefix.removed + "' removed from the front of the names";
  if (!prefix.added.empty()) return "'" + prefix.added + "' put in front of the names";
  return "";
}

std::vector<Prefix> best_prefixes(const std::vector<std::string>& described, const std::vector<std::string>& live) {
  std::vector<std::pair<size_t, Prefix>> found;
  for (const auto& [text, count] : count_prefixes(live, described)) found.push_back({count, {text, ""}});
  for (const auto& [text, count] : count_prefixes(described, live))
    if (!text.empty()) found.push_back({count, {"", text}});
  size_t most = 0;
  for (const auto& [count, prefix] : found) most = std::max(most, count);
  std::vector<Prefix> best;
  for (auto& [count, prefix] : found)
    if (count == most) best.push_back(std::move(prefix));
  std::stable_sort(best.begin(), best.end(), [](const Prefix& a, const Prefix& b) {
    return a.removed.size() + a.added.size() < b.removed.size() + b.added.size();
  });
  return best;
}

std::vector<std::string> shared_prefixes(const std::vector<std::string>& live) {
  Counts counts;
  for (const auto& name : live)
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      ++counts[name.substr(0, dot + 1)];
  std::vector<std::string> shared = {""};
  for (const auto& [prefix, count] : counts)
    if (2 * count >= live.size()) shared.push_back(prefix);
  std::stable_sort(shared.begin(), shared.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return shared;
}

}  // namespace nfopt
