#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <nfopt/nflayers/random/rng.h>

#include <memory>
#include <vector>

namespace nfopt {

/// The io_embed of NPLinear: learned offsets along every ordered axis (`~`), so that inputs, pixels, classes or tokens
/// can be told apart while everything else stays equivariant.
///
///   x_v += e_{v,a}       for every view v and every ordered axis a of v, broadcast along the other axes
///
/// Parameters  `embed.<view>.<axis>` [1, C * F_v, 1.., n, ..1], normal with standard deviation 1; on a feed-forward
///             network the published in_embed [1, f_0 C, 1, n_0], out_embed [1, f_{L-1} C, n_L, 1] and
///             out_bias_embed [1, C, n_L] (with one layer in_embed and out_embed act on the same weight).
/// Group       what is left are the permutations of plain labels.
class NFOPT_API IoEmbed {
 public:
  IoEmbed() = default;
  IoEmbed(const WeightSpace& space, int64_t channels);

  const std::vector<StoredParameter>& parameters() const { return parameters_; }
  /// `embeddings` in the order of parameters().
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& embeddings, const std::vector<at::Tensor>& x) const;

 private:
  struct Place {
    size_t view;
    size_t axis;
  };

  std::shared_ptr<const FeatureViews> views_;
  std::vector<StoredParameter> parameters_;
  std::vector<Place> places_;
};

}  // namespace nfopt
