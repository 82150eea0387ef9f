#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <string>
#include <vector>

namespace nfopt {

/// All parameters of a space laid end to end along one axis of N elements, in the order of the space.
///
///   list  [P, shape...] or [P, 1, C, shape...] per parameter          flat  [P, N] or [P, C, N]
///
/// Everything that treats elements alike (momenta, dense layers, steps) runs once over the flat tensor instead of once
/// per parameter: a step costs few kernel launches. Splitting gives views.
class ParameterLayout {
 public:
  explicit ParameterLayout(const WeightSpace& parameters);

  struct Parameter {
    std::string name;
    std::vector<int64_t> shape;
    int64_t numel = 0;
    int64_t offset = 0;
  };
  const std::vector<Parameter>& parameters() const { return parameters_; }
  size_t size() const { return parameters_.size(); }
  int64_t total() const { return total_; }  ///< N
  const std::vector<int64_t>& numels() const { return numels_; }

  /// Throws Error("optimizer", ..) that lists every tensor that is not [P, shape...] of one type and device.
  /// Undefined entries are allowed when `like` is given.
  void check(const std::vector<at::Tensor>& list, const char* what, const at::Tensor& like = {}) const;

  at::Tensor flatten(const std::vector<at::Tensor>& list) const;           ///< [P, shape...] each -> [P, N]
  std::vector<at::Tensor> unflatten(const at::Tensor& flat) const;         ///< [P, N] -> views [P, shape...]
  std::vector<at::Tensor> split(const at::Tensor& flat) const;             ///< [.., N] -> views [.., n]
  std::vector<at::Tensor> features(const at::Tensor& flat) const;          ///< [P, C, N] -> views [P, 1, C, shape...]
  at::Tensor flatten_features(const std::vector<at::Tensor>& list) const;  ///< [P, 1, C, shape...] each -> [P, C, N]

 private:
  std::vector<Parameter> parameters_;
  std::vector<int64_t> numels_;
  int64_t total_ = 0;
};

}  // namespace nfopt
