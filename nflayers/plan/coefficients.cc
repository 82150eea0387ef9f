#include <nfopt/nflayers/plan/block_layout.h>
#include <nfopt/nflayers/plan/coefficients.h>

#include <utility>

namespace nfopt {

CoefficientShape::CoefficientShape(const Plan& plan, int64_t in_channels, int64_t out_channels)
    : plan_(plan),
      in_channels_(in_channels),
      out_channels_(out_channels),
      weights_(plan.coefficient_blocks * in_channels * out_channels),
      total_(weights_ + plan.bias_channels * out_channels) {}

int64_t CoefficientShape::weight(const Term& term, int64_t out, int64_t in) const {
  const Signature& signature = plan_.signatures[term.signature];
  const int64_t row = signature.outputs[term.output].channel * out_channels_ + out;
  const int64_t column = signature.inputs[term.input].channel * in_channels_ + in;
  return matrix(signature) + row * signature.input_channels * in_channels_ + column;
}

double CoefficientShape::mean(const Term& term) const {
  return 1.0 / static_cast<double>(plan_.inputs[plan_.signatures[term.signature].inputs[term.input].half].count);
}

int64_t CoefficientShape::bias(int view, int64_t out) const {
  // The first outputs of the first signature are all views, each with every axis broadcast.
  return weights_ + plan_.signatures.front().outputs[view].channel * out_channels_ + out;
}

CoefficientLayout unf_layout(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  BlockLayout blocks = unf_block_layout(plan, in_channels, out_channels);
  IndexMap map = index_map(blocks);
  return {std::move(blocks.parameters), std::move(map)};
}

bool copies_view(const Plan& plan, const Term& term) {
  const Signature& signature = plan.signatures[term.signature];
  const Block &in = signature.inputs[term.input], &out = signature.outputs[term.output];
  const size_t axes = plan.views[term.out_view].axes.size();
  return term.in_view == term.out_view && in.order == out.order && plan.inputs[in.half].kept.size() == axes &&
         plan.outputs[out.half].kept.size() == axes;
}

CoefficientLayout unf_pointwise_layout(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  const CoefficientShape shape(plan, in_channels, out_channels);
  CoefficientLayout layout = unf_layout(plan, in_channels, out_channels);
  for (const Term& term : plan.terms) {
    if (!copies_view(plan, term)) continue;
    const int64_t folded = plan.views[term.out_view].folded_size;
    for (int64_t c = 0; c < in_channels; ++c)
      for (int64_t out = 0; out < out_channels; ++out)
        for (int64_t f = 0; f < folded; ++f)
          layout.map.add(shape.weight(term, out * folded + f, c * folded + f),
                         layout.map.sources + c * out_channels + out);
  }
  layout.map.sources += in_channels * out_channels;
  layout.parameters.push_back({"pointwise.w", {in_channels, out_channels}});
  return layout;
}

}  // namespace nfopt
