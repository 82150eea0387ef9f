#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/nflayers/spec/version.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <torch/types.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace nfopt {
namespace {

constexpr const char* kFormat = "nfopt-meta-parameters-1";

/// FNV-1a, 64 bits: finds damage, not malice.
class Checksum {
 public:
  void add(const void* data, size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < n; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3ULL;
  }
  void add(const std::string& text) { add(text.data(), text.size() + 1); }
  std::string text() const {
    char hex[17];
    std::snprintf(hex, sizeof(hex), "%016llx", static_cast<unsigned long long>(hash_));
    return std::string("fnv1a64:") + hex;
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

/// Independent of the order of the tensors: other tools sort them.
std::string checksum(std::vector<std::pair<std::string, at::Tensor>> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Checksum sum;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor bytes = tensor.detach().to(at::kCPU).contiguous();
    sum.add(name);
    sum.add(c10::toString(bytes.scalar_type()));
    for (const int64_t size : bytes.sizes()) sum.add(&size, sizeof(size));
    sum.add(bytes.const_data_ptr(), bytes.nbytes());
  }
  return sum.text();
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error("meta-parameters", "'" + path.string() + "': " + what);
}

/// theta of a file in the order of the rule. Tensors the rule does not know come last, where check_theta finds them.
NamedTensors in_rule_order(const UpdateRule& rule, const NamedTensors& theta) {
  NamedTensors ordered;
  for (const auto& [name, shape] : rule.theta_shapes())
    if (const at::Tensor* tensor = theta.find(name)) ordered.add(name, *tensor);
  for (const auto& [name, tensor] : theta)
    if (ordered.find(name) == nullptr) ordered.add(name, tensor);
  check_theta(rule, ordered);
  return ordered;
}

}  // namespace

void save_meta_parameters(const std::filesystem::path& path, const MetaParameters& meta) {
  const NamedTensors theta = in_rule_order(*make_update_rule(meta.rule, meta.space), meta.theta);
  SafetensorsFile file;
  for (const auto& [name, tensor] : theta) {
    if (tensor.size(0) != 1)
      throw Error("theta", "'" + name + "' has " + std::to_string(tensor.size(0)) +
                               " members. A file holds one learned optimizer: choose a member.");
    file.tensors.emplace_back(name, tensor[0]);
  }
  file.metadata = {{"format", kFormat},
                   {"rule", to_json(meta.rule)},
                   {"weight_space", to_text(*meta.space)},
                   {"nfopt", NFOPT_VERSION},
                   {"training", meta.training},
                   {"licence", meta.licence},
                   {"checksum", checksum(file.tensors)}};
  if (meta.seed) file.metadata["seed"] = std::to_string(*meta.seed);
  write_safetensors(path, file);
}

MetaParameters load_meta_parameters(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto entry = [&](const char* key) -> const std::string& {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      fail(path, "the metadata entry '" + std::string(key) + "' is missing. This is not a file of meta-parameters.");
    return found->second;
  };
  if (entry("format") != kFormat) fail(path, "the format is '" + entry("format") + "', expected '" + kFormat + "'.");
  if (const std::string found = checksum(file.tensors); found != entry("checksum"))
    fail(path, "the tensors are damaged: their checksum is " + found + ", the file says " + entry("checksum") + ".");

  MetaParameters meta;
  try {
    meta.rule = rule_from_json(entry("rule"));
    meta.space = std::make_shared<const WeightSpace>(weight_space_from_text(entry("weight_space")));
    for (const auto& [name, tensor] : file.tensors) meta.theta.add(name, tensor.unsqueeze(0));
    meta.theta = in_rule_order(*make_update_rule(meta.rule, meta.space), meta.theta);
  } catch (const Error& e) {
    fail(path, e.what());
  }
  meta.training = entry("training");
  meta.licence = entry("licence");
  meta.nfopt_version = entry("nfopt");
  if (const auto seed = file.metadata.find("seed"); seed != file.metadata.end()) {
    const std::string& text = seed->second;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail(path, "the seed '" + text + "' is no number.");
    meta.seed = value;
  }
  return meta;
}

LoadedRule load_rule(const std::filesystem::path& path, const WeightSpacePtr& space) {
  const MetaParameters meta = load_meta_parameters(path);
  std::shared_ptr<const UpdateRule> rule = make_update_rule(meta.rule, space);
  try {
    NamedTensors theta = in_rule_order(*rule, meta.theta);
    return {std::move(rule), std::move(theta)};
  } catch (const Error& e) {
    fail(path, std::string(e.what()) +
                   "\nThe file was trained on another weight space; `nfopt checkpoint inspect` shows which.");
  }
}

}  // namespace nfopt
