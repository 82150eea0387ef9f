#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/rule_description.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace nfopt {

/// A learned optimizer as a file: everything needed to step, nothing implicit.
///
/// On disk: a safetensors file with one tensor per meta-parameter (no population axis) and the metadata entries
/// `format` ("nfopt-meta-parameters-1"), `rule` (JSON: features with every epsilon, decays, network, step form),
/// `weight_space` (text with shapes, axes and tying, buffers included), `nfopt`, `training` (free text or JSON),
/// `licence`, `seed` and `checksum` (over names, types, shapes and bytes of all tensors).
struct NFOPT_API MetaParameters {
  RuleDescription rule;
  WeightSpacePtr space;  ///< it was made for
  NamedTensors theta;    ///< [1, ...] each
  std::string training;  ///< how it was trained; "" for fresh ones
  std::string licence;
  std::optional<uint64_t> seed;
  std::string nfopt_version;  ///< that wrote the file; set by loading
};

/// Written whole or not at all. Throws Error("theta", ..) when theta does not fit the rule on the space.
NFOPT_API void save_meta_parameters(const std::filesystem::path& path, const MetaParameters& meta);

/// Throws Error naming the file for anything that is not such a file: missing or malformed entries, a checksum that
/// does not match, tensors that do not fit the file's own rule and weight space (all of them in one message).
NFOPT_API MetaParameters load_meta_parameters(const std::filesystem::path& path);

/// A rule ready to step on a space, with its theta in the rule's order.
struct LoadedRule {
  std::shared_ptr<const UpdateRule> rule;
  NamedTensors theta;
};

/// The file's rule on `space`, which may be another one than it was trained on as long as every meta-parameter fits:
/// per-parameter networks fit everywhere. Otherwise one Error lists all missing, unexpected and mismatching tensors
/// with expected and received shapes.
NFOPT_API LoadedRule load_rule(const std::filesystem::path& path, const WeightSpacePtr& space);

}  // namespace nfopt
