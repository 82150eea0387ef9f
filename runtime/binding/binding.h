#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/binding/binding_report.h>
#include <nfopt/runtime/binding/live_tensors.h>
#include <nfopt/runtime/plugin/instance.h>

#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// Tensors that the description does not know.
enum class ExtraTensors : uint8_t {
  keep,   ///< they are listed, and the caller decides (a fallback optimizer, nothing for buffers)
  refuse  ///< they are an error like missing ones
};

struct BindOptions {
  ExtraTensors extra = ExtraTensors::keep;
  /// What stands in front of every live name; "" for nothing. Not set: found by comparing the names.
  std::optional<std::string> prefix;
};

/// A description tied to the tensors of a network that exists.
struct NFOPT_API Binding {
  WeightSpacePtr space;
  std::vector<at::Tensor> tensors;  ///< the very tensors given, one per tensor of the space, in its order
  std::vector<LiveTensor> extra;    ///< not in the space; a tensor with several names once
  BindingReport report;

  /// The tensors under the names of the space, the extra ones under their own.
  NamedTensorList named() const;
};

/// Matches live tensors to a weight space by name and shape.
///
/// A prefix of wrappers ("module.", "model.", any other up to a dot) is found and removed, or added where the
/// description has one; names outside of it (a tied "lm_head.weight") are accepted as they are. Tensors are compared by
/// identity: a second name of one tensor is a tie, declared or not. A declared copy needs shared storage, or equal
/// values when nothing requires a gradient (a state dict stores copies). Memory layout does not matter: strided and
/// channels-last tensors are bound as they are, unless two entries share memory.
///
/// Throws Error("binding", ..) with the whole report: missing tensors with near names, wrong shapes, extra tensors if
/// refused, one tensor in two places, integers where parameters belong, more than one prefix that fits equally.
/// O(N), plus a comparison of names for each missing tensor. Call it with its namespace: the arguments live in std,
/// too, and an unqualified name finds std::bind.
NFOPT_API Binding bind(const std::vector<LiveTensor>& tensors, const WeightSpacePtr& space,
                       const BindOptions& options = {});
NFOPT_API Binding bind(const NamedTensorList& tensors, const WeightSpacePtr& space, const BindOptions& options = {});
/// The parameters and buffers of a module.
NFOPT_API Binding bind(const torch::nn::Module& module, const WeightSpacePtr& space, const BindOptions& options = {});
NFOPT_API Binding bind(const torch::nn::Module& module, const Instance& instance, const BindOptions& options = {});

}  // namespace nfopt
