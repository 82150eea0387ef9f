#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/binding/rejection_reason.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <optional>

namespace nfopt {
namespace {

NamedShapes without_prefix(const NamedShapes& shapes, const std::string& prefix) {
  NamedShapes bare;
  for (const auto& [name, shape] : shapes)
    bare.emplace_back(name.starts_with(prefix) ? name.substr(prefix.size()) : name, shape);
  return bare;
}

std::optional<Recognition::Candidate> candidate(const std::string& name, const ArchitecturePtr& architecture,
                                                const NamedShapes& shapes, const std::vector<std::string>& prefixes) {
  for (const auto& prefix : prefixes)
    if (const auto options = architecture->recognize(without_prefix(shapes, prefix)))
      return Recognition::Candidate{name, instantiate(architecture, *options), prefix};
  return {};
}

std::vector<LiveTensor> parameters_only(std::vector<LiveTensor> tensors) {
  std::erase_if(tensors, [](const LiveTensor& live) { return live.kind == Kind::buffer; });
  return tensors;
}

}  // namespace

std::string Recognition::Candidate::options_text() const {
  std::string text;
  for (const auto& [name, value] : instance.options.values())
    text += (text.empty() ? "" : ", ") + name + " = " + to_string(value);
  return text.empty() ? "no options" : text;
}

std::string Recognition::text() const {
  std::string text;
  for (const auto& candidate : candidates)
    text += "\n  '" + candidate.architecture + "': " + candidate.options_text() +
            (candidate.prefix.empty() ? "" : ", names behind '" + candidate.prefix + "'");
  for (const auto& [name, reason] : rejections) text += "\n  '" + name + "': " + reason;
  return text;
}

Recognition recognize(const NamedShapes& shapes, Registry& registry) {
  Recognition result;
  for (const auto& failure : registry.load_all()) result.rejections.push_back({failure.origin, failure.message});
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes) names.push_back(name);
  const auto prefixes = shared_prefixes(names);
  for (const auto& [name, entry] : registry.entries()) {
    try {
      if (auto found = candidate(name, entry.architecture, shapes, prefixes))
        result.candidates.push_back(std::move(*found));
      else
        result.rejections.push_back({name, rejection_reason(*entry.architecture, shapes)});
    } catch (const Error& error) {
      result.rejections.push_back({name, error.what()});  // one bad plugin must not hide the right one
    }
  }
  return result;
}

Recognition::Candidate recognize_one(const std::vector<LiveTensor>& tensors, Registry& registry) {
  Recognition found = recognize(named_shapes(tensors), registry);
  if (found.candidates.empty() &&
      std::any_of(tensors.begin(), tensors.end(), [](const LiveTensor& live) { return live.kind == Kind::buffer; })) {
    Recognition again = recognize(named_shapes(parameters_only(tensors)), registry);
    if (!again.candidates.empty()) found = std::move(again);
  }
  if (found.candidates.empty())
    throw Error("binding", "No architecture describes this network:" + found.text() + "\n" +
                               to_string(registry.directories()) +
                               "\nGive bind() an instance with its options to see every difference, or describe the "
                               "network in a *.nfopt.yaml file in one of these folders.");
  auto& first = found.candidates.front();
  const std::string text = to_text(*first.instance.space);
  for (const auto& other : found.candidates)
    if (to_text(*other.instance.space) != text)
      throw Error("binding", "Several architectures describe this network:" + found.text() +
                                 "\nGive bind() the instance that is meant.");
  return std::move(first);
}

Binding recognize_and_bind(const std::vector<LiveTensor>& tensors, Registry& registry) {
  const auto candidate = recognize_one(tensors, registry);
  BindOptions options;
  options.prefix = candidate.prefix;
  return nfopt::bind(tensors, candidate.instance.space, options);
}

Binding recognize_and_bind(const torch::nn::Module& module, Registry& registry) {
  return recognize_and_bind(live_tensors(module), registry);
}

}  // namespace nfopt
