#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace nfopt::golden {

/// One file of reference numbers: what it says about itself and its tensors.
struct GoldenCase {
  std::filesystem::path path;
  nlohmann::json info;  ///< the metadata entry `case`
  std::map<std::string, at::Tensor> tensors;

  /// A miss is an Error that names the file.
  const at::Tensor& tensor(const std::string& name) const;
  bool has(const std::string& name) const { return tensors.count(name) > 0; }
  /// An option of `info["options"]`, or `otherwise` when the file has none.
  template <class T>
  T option(const std::string& name, T otherwise) const {
    const auto& options = info.at("options");
    return options.contains(name) ? options.at(name).get<T>() : otherwise;
  }
  /// The weight space of the list `tensors` of `info` (or of another list of the same form).
  WeightSpacePtr space() const { return space_of(info.at("tensors")); }
  static WeightSpacePtr space_of(const nlohmann::json& tensors);
};

using GoldenCheck = std::function<void(const GoldenCase&)>;

// How to add a kind of case: write a function over GoldenCase that compares with expect_close, and at the end of its
// file a line
//
//   const bool registered = register_golden_kind("unf-golden-1", "unf_layer", check_layer);
//
// A kind that nobody registered fails, so that no reference number is left out unnoticed.
bool register_golden_kind(const std::string& format, const std::string& kind, GoldenCheck check);

/// The kind is known and not implemented yet: its cases are skipped with `reason`. Kind "*" stands for every kind of
/// a format.
bool register_pending_kind(const std::string& format, const std::string& kind, const std::string& reason);

/// |actual - expected| <= tolerance * max(largest |expected|, 1e-3) everywhere; equal shapes; not-a-number and
/// infinities in the same places. A failure names the worst element.
void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance, const std::string& what);

}  // namespace nfopt::golden
