#pragma once

#include <nfopt/nflayers/layers/parameter_scope.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of RoleTiedPredictor: `RoleTiedPredictorOptions({mlp_space, cnn_space}, {1, 32, 32}, 64, 1)`.
struct NFOPT_API RoleTiedPredictorOptions {
  RoleTiedPredictorOptions(std::vector<WeightSpacePtr> spaces, std::vector<int64_t> channels, int64_t hidden,
                           int64_t outputs)
      : spaces_(std::move(spaces)), channels_(std::move(channels)), hidden_(hidden), outputs_(outputs) {}

  TORCH_ARG(std::vector<WeightSpacePtr>, spaces);  // the architectures to be trained on: their keys are parameters
  TORCH_ARG(std::vector<int64_t>, channels);       // of the features, then of every layer
  TORCH_ARG(int64_t, hidden);
  TORCH_ARG(int64_t, outputs);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// Networks of one architecture within a batch of several architectures.
struct NFOPT_API NetworkGroup {
  WeightSpacePtr space;
  std::vector<at::Tensor> x;  ///< [P, B, C, shape...], one per tensor of `space`; B differs from group to group
};

/// A number about a network from its weights, for networks of any architecture: one set of parameters reads a batch that
/// mixes them. Role-tied layers with max(0, x) after every one, one mean per role, dense - max(0, x) - dense:
///
///   y = head1(max(0, head0(role_means(max(0, L_k .. max(0, L_0 x))))))
///
/// Shapes   groups of x [P, B_g, C, shape...]  ->  y [P, sum of B_g, outputs], group after group
/// Parameters  `L<k>.<key>`, `L<k>.bias|<role>` (RoleTiedLinear), `head0.w` [6 C, hidden], `head0.b`, `head1.w`, `head1.b`
/// Group    the output of a network is invariant under the layer group of its own space, for every fold.
/// Errors   Error("layer", ..) for no groups, a group without a space or of another P, and features that do not fit.
/// Cost     that of the layers, once per architecture: groups of one space are read together.
/// Archives load into a predictor with other `spaces`, too: keys that were never trained are zero and listed
///          (`layers[k]->untrained_keys()`).
class NFOPT_API RoleTiedPredictorImpl : public torch::nn::Cloneable<RoleTiedPredictorImpl> {
 public:
  explicit RoleTiedPredictorImpl(RoleTiedPredictorOptions options);

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  /// Spaces that `options.spaces()` lacks are read with the keys that they share with them.
  at::Tensor forward(const std::vector<NetworkGroup>& groups);
  /// The input of the dense head for networks of one architecture, [P, B, 6 C].
  at::Tensor pooled(const NetworkGroup& group);

  RoleTiedPredictorOptions options;
  std::vector<RoleTiedLinear> layers;

 private:
  std::shared_ptr<ParameterScope> head0_;
  std::shared_ptr<ParameterScope> head1_;
};
TORCH_MODULE(RoleTiedPredictor);

}  // namespace nfopt
