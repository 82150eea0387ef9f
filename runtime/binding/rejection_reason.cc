#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/binding/prefix.h>
#include <nfopt/runtime/binding/rejection_reason.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

namespace nfopt {
namespace {

// "h.11.mlp.c_fc.weight" -> "h.#.mlp.c_fc.weight": depth is an option of most architectures.
std::string pattern_of(const std::string& name) {
  std::string pattern;
  for (const unsigned char c : name) {
    if (!std::isdigit(c))
      pattern += static_cast<char>(c);
    else if (pattern.empty() || pattern.back() != '#')
      pattern += '#';
  }
  return pattern;
}

using Patterns = std::vector<std::pair<std::string, std::string>>;  // pattern, the first name that has it

void add(Patterns& patterns, const std::string& name) {
  std::string pattern = pattern_of(name);
  const auto same = [&](const auto& known) { return known.first == pattern; };
  if (std::none_of(patterns.begin(), patterns.end(), same)) patterns.emplace_back(std::move(pattern), name);
}

bool has(const Patterns& patterns, const std::string& pattern) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& known) { return known.first == pattern; });
}

std::optional<Patterns> described_patterns(const Architecture& architecture,
                                           const std::map<std::string, OptionValue>& given) {
  try {
    const ArchitectureInfo info = architecture.info();
    const WeightSpace space(architecture.describe(Options(info.name, info.options, given)));
    Patterns patterns;
    for (const Tensor& tensor : space.tensors()) add(patterns, tensor.name);
    return patterns;
  } catch (const Error&) {
    return {};  // required options without an example
  }
}

struct Comparison {
  size_t shared = 0;
  Patterns described;
  Patterns live;
};

Comparison compare(const Patterns& described, const NamedShapes& shapes) {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes) names.push_back(name);
  Comparison best{0, described, {}};
  for (const auto& prefix : shared_prefixes(names)) {
    Patterns live;
    for (const auto& name : names) add(live, name.starts_with(prefix) ? name.substr(prefix.size()) : name);
    const auto shared = static_cast<size_t>(
        std::count_if(described.begin(), described.end(), [&](const auto& item) { return has(live, item.first); }));
    if (best.live.empty() || shared > best.shared) best = {shared, described, std::move(live)};
  }
  return best;
}

}  // namespace

std::string rejection_reason(const Architecture& architecture, const NamedShapes& shapes) {
  std::vector<std::map<std::string, OptionValue>> networks;
  for (const auto& example : architecture.examples()) networks.push_back(example.options);
  if (networks.empty()) networks.push_back({});

  std::optional<Comparison> best;
  for (const auto& options : networks) {
    const auto described = described_patterns(architecture, options);
    if (!described) continue;
    Comparison comparison = compare(*described, shapes);
    const auto distance = [](const Comparison& c) { return c.described.size() + c.live.size() - 2 * c.shared; };
    if (!best || distance(comparison) < distance(*best)) best = std::move(comparison);
  }
  if (!best) return "no options give these names and shapes";

  const auto first_without = [](const Patterns& patterns, const Patterns& others) {
    const auto found =
        std::find_if(patterns.begin(), patterns.end(), [&](const auto& p) { return !has(others, p.first); });
    return found == patterns.end() ? std::string() : found->second;
  };
  if (best->shared == 0)
    return "no name matches: expected first '" + best->described.front().second + "', received '" +
           (shapes.empty() ? "" : shapes.front().first) + "'";
  const std::string missing = first_without(best->described, best->live);
  const std::string unknown = first_without(best->live, best->described);
  if (missing.empty() && unknown.empty()) return "every name matches, but no options give these shapes";
  std::string reason =
      std::to_string(best->shared) + " of its " + std::to_string(best->described.size()) + " kinds of names occur";
  if (!missing.empty()) reason += "; it expects '" + missing + "'";
  if (!unknown.empty()) reason += "; it has no '" + unknown + "'";
  return reason;
}

}  // namespace nfopt
