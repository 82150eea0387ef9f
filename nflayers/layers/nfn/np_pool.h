#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of NPPool and HNPPool: `NPPoolOptions(space)`.
struct NFOPT_API NPPoolOptions {
  NPPoolOptions(WeightSpacePtr space) : space_(std::move(space)) {}
  TORCH_ARG(WeightSpacePtr, space);
};

/// The invariant pools of Neural Functional Networks: every view averaged over the axes that are permuted. What is
/// folded stays apart, on the last axis.
///
///   y[p, b, c] = concat over views v and folded indices f of  mean over the other axes of x_v[p, b, c, f]
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  y [P, B, C, T],  T = sum over v of F_v, views in order, f row-major
/// Group    NPPool: invariant under the layer group (fold `fixed`: kernel positions and gates stay apart).
///          HNPPool: invariant under the permutations of plain labels (fold `all`: ordered axes stay apart too).
///          With a feed-forward network of one layer HNPPool averages its weight over the rows, as nfn does.
/// Errors   Error("layer", ..) lists every tensor that does not fit.
/// Cost     one read of every x.
/// Paper    arXiv:2302.14040, nfn 0.1.2. T is nfn's `get_num_outs`, whose value for HNPPool and one layer is wrong.
class NFOPT_API PoolBase {
 public:
  PoolBase(const NPPoolOptions& options, const Fold& fold, const char* layer);
  int64_t num_outs() const;
  at::Tensor operator()(const std::vector<at::Tensor>& x) const;

 private:
  std::shared_ptr<const FeatureViews> views_;
  int rows_averaged_ = -1;  // view whose first folded axis is averaged too
};

class NFOPT_API NPPoolImpl : public torch::nn::Cloneable<NPPoolImpl> {
 public:
  explicit NPPoolImpl(NPPoolOptions given) : options(std::move(given)), pool_(options, Fold::fixed(), "NPPool") {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::NPPool(outs=" << num_outs() << ")"; }
  at::Tensor forward(const std::vector<at::Tensor>& x) { return pool_(x); }
  int64_t num_outs() const { return pool_.num_outs(); }
  static int64_t get_num_outs(const WeightSpacePtr& space) { return NPPoolImpl(NPPoolOptions(space)).num_outs(); }

  NPPoolOptions options;

 private:
  PoolBase pool_;
};
TORCH_MODULE(NPPool);

class NFOPT_API HNPPoolImpl : public torch::nn::Cloneable<HNPPoolImpl> {
 public:
  explicit HNPPoolImpl(NPPoolOptions given) : options(std::move(given)), pool_(options, Fold::all(), "HNPPool") {}
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::HNPPool(outs=" << num_outs() << ")"; }
  at::Tensor forward(const std::vector<at::Tensor>& x) { return pool_(x); }
  int64_t num_outs() const { return pool_.num_outs(); }
  static int64_t get_num_outs(const WeightSpacePtr& space) { return HNPPoolImpl(NPPoolOptions(space)).num_outs(); }

  NPPoolOptions options;

 private:
  PoolBase pool_;
};
TORCH_MODULE(HNPPool);

}  // namespace nfopt
