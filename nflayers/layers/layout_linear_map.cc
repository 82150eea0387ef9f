#include <nfopt/nflayers/kernels/aten/block_linear.h>
#include <nfopt/nflayers/kernels/aten/weight_space_linear.h>
#include <nfopt/nflayers/layers/layout_linear_map.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace nfopt {
namespace {

void check_parameters(const std::vector<StoredParameter>& expected, const std::vector<at::Tensor>& received) {
  if (expected.size() != received.size())
    throw Error("layer", "expected " + std::to_string(expected.size()) + " parameters, received " +
                             std::to_string(received.size()) + ".");
  std::ostringstream problems;
  for (size_t i = 0; i < expected.size(); ++i) {
    const at::Tensor& t = received[i];
    if (t.defined() && t.dim() > 0 && t.sizes().slice(1) == at::IntArrayRef(expected[i].shape)) continue;
    std::ostringstream shape;
    for (int64_t size : expected[i].shape) shape << ", " << size;
    problems << "\n       '" << expected[i].name << "': expected [P|1" << shape.str() << "], received ";
    if (t.defined())
      problems << t.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "parameters of the wrong shape:" + problems.str());
}

}  // namespace

LayoutLinearMap::LayoutLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
                                 const CoefficientLayout& layout)
    : plan_(std::move(plan)),
      in_channels_(in_channels),
      out_channels_(out_channels),
      parameters_(layout.parameters),
      map_(CoefficientMap(layout.map)) {}

LayoutLinearMap::LayoutLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
                                 const BlockLayout& layout)
    : plan_(std::move(plan)),
      in_channels_(in_channels),
      out_channels_(out_channels),
      parameters_(layout.parameters),
      map_(BlockMap(layout)),
      in_place_(BlockLinear::make(plan_, in_channels, out_channels, layout)) {}

Coefficients LayoutLinearMap::coefficients(const std::vector<at::Tensor>& parameters) const {
  check_parameters(parameters_, parameters);
  return {std::visit([&](const auto& map) { return map(parameters); }, map_), in_channels_, out_channels_};
}

std::vector<at::Tensor> LayoutLinearMap::operator()(const Coefficients& m, const std::vector<at::Tensor>& x) const {
  return weight_space_linear(plan_, m, x);
}

std::vector<at::Tensor> LayoutLinearMap::operator()(const std::vector<at::Tensor>& parameters,
                                                    const std::vector<at::Tensor>& x) const {
  if (in_place_ && !x.empty()) {
    check_parameters(parameters_, parameters);
    const auto shared = [](const at::Tensor& p) { return p.size(0) == 1; };
    if (std::all_of(parameters.begin(), parameters.end(), shared)) return (*in_place_)(parameters, x);
  }
  return (*this)(coefficients(parameters), x);
}

}  // namespace nfopt
