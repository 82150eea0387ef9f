#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Matrices of ContextMap, [P|1, C_in, C_out] each.
struct ContextWeights {
  at::Tensor output;   ///< for the context of axes whose units a tensor writes (slot o)
  at::Tensor input;    ///< of axes whose units it reads (slot i)
  at::Tensor neither;  ///< of the others (slot x)
  at::Tensor tensor;   ///< for the mean of the tensor itself
  at::Tensor network;  ///< for the mean over all tensors
};

/// What every element of a weight space learns from the rest of the network, at a cost that does not depend on the
/// number of pairs of tensors: the cheap, role-tied subset of an equivariant layer.
///
///   c_a[i] = mean over the axes of all views that carry label a of (mean of x over the other axes, at index i)
///   t_m    = mean of x_m            u = mean over tensors of t_m
///   y_m    = sum over axes of W_slot(axis)^T c_label(axis)[index] + W_tensor^T t_m + W_network^T u
///
/// The self term W^T x_m is pointwise and the caller's. Fixed axes have no context. A nested label has one context per
/// index of its ancestors. The same weights run on every weight space.
/// Shapes   x [P, B, C_in, shape...] per tensor of the space -> y [P, B, C_out, shape...]; y may be expanded memory
/// Group    commutes with the layer group of the space, whatever is folded.
/// Errors   Error("layer", ..) for a wrong number of tensors.
/// Cost     x is read once per axis, y written once.
/// [any-thread] immutable; differentiable.
class NFOPT_API ContextMap {
 public:
  explicit ContextMap(const WeightSpace& space);

  std::vector<at::Tensor> operator()(const ContextWeights& weights, const std::vector<at::Tensor>& x) const;

 private:
  /// One axis of one view that carries a label.
  struct Incidence {
    int view = 0;
    int table = 0;              ///< position in tables_
    std::vector<int64_t> kept;  ///< dimensions of the view that index the context: ancestors, outermost first, itself
    Slot slot = Slot::neither;
  };
  /// The context of one label.
  struct Table {
    int label = 0;
    int64_t incidences = 0;
  };

  std::shared_ptr<const Plan> plan_;  // without terms: the views are all that is needed
  std::vector<Incidence> incidences_;
  std::vector<Table> tables_;
};

}  // namespace nfopt
