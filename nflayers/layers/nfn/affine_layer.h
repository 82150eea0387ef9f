#pragma once

#include <nfopt/nflayers/layers/layout_linear_map.h>
#include <nfopt/nflayers/layers/nfn/init.h>
#include <nfopt/nflayers/layers/nfn/np_layout.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>

#include <memory>
#include <vector>

namespace nfopt {

/// What NPLinear, HNPLinear and Pointwise share: an AffineLayout on the engine, and parameters owned by a module.
class NFOPT_API AffineLayer {
 public:
  AffineLayer() = default;
  AffineLayer(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels, const AffineLayout& layout)
      : map_(std::make_shared<const LayoutLinearMap>(std::move(plan), in_channels, out_channels, layout.layout)),
        maps_(layout.maps) {}

  bool empty() const { return map_ == nullptr; }
  const LayoutLinearMap& map() const { return *map_; }
  /// Registers the parameters in `owner`; they are zero.
  void register_in(torch::nn::Module& owner) { parameters_ = ParameterList(owner, map_->parameters()); }
  void draw(const Rng& rng, InitType type) const;
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& x) const;

 private:
  std::shared_ptr<const LayoutLinearMap> map_;  // clones share it
  std::vector<AffineMap> maps_;
  ParameterList parameters_;
};

}  // namespace nfopt
