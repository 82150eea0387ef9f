#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/tensor_description.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// The normalisation after a convolution, as an architecture offers it by name. PyTorch's names and initial values:
///
///   none
///   batch   <name>.weight, .bias, buffers .running_mean, .running_var, .num_batches_tracked
///   group   <name>.weight, .bias
///
/// Running statistics belong to their channels: a description without them is wrong, though only in evaluation.
/// `num_batches_tracked` has no axes; it counts in the type of all other tensors (exactly up to 2^24 in float32).
class NFOPT_API ChannelNorm {
 public:
  /// Throws Error for another name. `groups` is read by `group` only.
  ChannelNorm(const std::string& kind, int64_t groups);

  bool any() const { return kind_ != Kind::none; }
  /// Groups of adjacent channels that are normalised together: 1 when channels do not meet.
  int64_t groups() const { return kind_ == Kind::group ? groups_ : 1; }

  /// Its tensors, when the channels read as `channels`, e.g. "[c]" or "[[g=8, c@g]]".
  std::vector<TensorDescription> describe(const std::string& name, const std::string& channels,
                                          const std::string& block) const;
  void initialize(Members& members, const std::string& name) const;
  /// [P, B, C, axes..] -> the same. Writes the running statistics in training.
  at::Tensor operator()(const at::Tensor& x, Members& members, const std::string& name, const Pass& pass) const;

  /// The choices of an option.
  static std::vector<std::string> names();

 private:
  enum class Kind : uint8_t { none, batch, group };
  Kind kind_;
  int64_t groups_;
};

}  // namespace nfopt
