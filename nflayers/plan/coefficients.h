#pragma once

#include <nfopt/nflayers/plan/index_map.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// Where a plan finds its coefficients for a given number of channels, in one flat vector:
///
///   M of every signature, [O, K] row-major, in the plan's order       weights entries
///   bias, one per output view and layer channel, in view order        C_out * sum of F entries
///
/// Executors contract by *sums*: a layout gives the coefficient of a mean the scale `mean(term)`, so that neither the
/// contraction nor its adjoint has to divide.
class NFOPT_API CoefficientShape {
 public:
  CoefficientShape(const Plan& plan, int64_t in_channels, int64_t out_channels);

  int64_t weights() const { return weights_; }
  int64_t total() const { return total_; }
  /// First entry of the signature's matrix.
  int64_t matrix(const Signature& signature) const { return signature.coefficient * in_channels_ * out_channels_; }
  /// The entry that carries input channel `in` (c * F_w + f) to output channel `out` (c * F_v + f) in a term.
  int64_t weight(const Term& term, int64_t out, int64_t in) const;
  /// One over the number of input positions that a term averages.
  double mean(const Term& term) const;
  /// The bias entry of layer channel `out` of a view.
  int64_t bias(int view, int64_t out) const;

 private:
  const Plan& plan_;
  int64_t in_channels_;
  int64_t out_channels_;
  int64_t weights_;
  int64_t total_;
};

/// A parameter as a layer stores it, without the population dimension.
struct StoredParameter {
  std::string name;
  std::vector<int64_t> shape;
};

/// How stored parameters become coefficients: x is all of them laid end to end, row-major; y is the flat vector of
/// CoefficientShape. A layer with redundant or tied parameters is a layer with another layout, nothing else.
struct CoefficientLayout {
  std::vector<StoredParameter> parameters;
  IndexMap map;
};

/// Whether the term copies a view to itself: every axis of the output is the same axis of the input.
NFOPT_API bool copies_view(const Plan& plan, const Term& term);

/// One coefficient matrix per basis term, as Universal Neural Functionals store them (arXiv:2402.05232):
///
///   theta.<view>  [rows, C_in, C_out * F_v]    row = offset(v, w) + b * F_w + f for term b of (v, w), folded index f
///   bias.<view>   [C_out * F_v]                first all thetas, then all biases, in view order
///
/// With nothing folded theta is the published [n_terms, C_in, C_out]. Terms that the plan leaves out have no row.
NFOPT_API CoefficientLayout unf_layout(const Plan& plan, int64_t in_channels, int64_t out_channels);

/// unf_layout plus one dense map w [C_in, C_out], `pointwise.w`, that every entry of every tensor shares: it joins the
/// term that copies a view to itself, so that it costs no pass over the features.
NFOPT_API CoefficientLayout unf_pointwise_layout(const Plan& plan, int64_t in_channels, int64_t out_channels);

}  // namespace nfopt
