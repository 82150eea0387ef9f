#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/action/group_element.h>

#include <vector>

namespace nfopt {

/// A group element made ready to move tensors: one gather index per tensor or stack.
///
///   new[s(i), t_i(j)] = old[i, j]
///
/// Shapes   tensors in the order of space.tensors(), buffers too: [any leading dimensions.., shape..]
/// Errors   Error for a wrong number of tensors and for shapes that do not end in the description's
/// Cost     set-up O(entries of the tensors that move); applying: one gather per tensor, differentiable
class NFOPT_API GroupAction {
 public:
  GroupAction(const WeightSpace& space, const GroupElement& g);
  /// `g` as if the space had these views instead of its own: for finding the axis on which a description is wrong.
  GroupAction(const WeightSpace& space, const std::vector<View>& views, const GroupElement& g);

  /// Undefined tensors stay undefined (a gradient that does not exist), whole stacks at a time.
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& tensors) const;

 private:
  struct Moved {
    std::vector<int> tensors;
    at::Tensor gather;  // [entries of the source], undefined when nothing moves
  };

  std::vector<std::string> names_;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<Moved> sources_;
};

/// The same for a single use.
NFOPT_API std::vector<at::Tensor> apply(const GroupElement& g, const WeightSpace& space,
                                        const std::vector<at::Tensor>& tensors);

}  // namespace nfopt
