#include <nfopt/nflayers/kernels/aten/check_features.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/kernels/aten/halves.h>
#include <nfopt/nflayers/kernels/aten/products.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/aten/views.h>
#include <torch/types.h>

namespace nfopt::aten {
namespace {

// M of a signature, [P|1, O, K]. The last axis of `values` is contiguous.
ChannelMatrix matrix(const CoefficientShape& shape, const Signature& signature, const Coefficients& m) {
  const int64_t o = signature.output_channels * m.out_channels, k = signature.input_channels * m.in_channels;
  return {m.values, shape.matrix(signature), o, k, k, 1};
}

Coefficients contiguous(const Coefficients& m) { return {m.values.contiguous(), m.in_channels, m.out_channels}; }

Frame frame_like(const at::Tensor& x, int64_t channels) { return {x.size(0), x.size(1), channels, x.options()}; }

}  // namespace

std::vector<at::Tensor> contract_features(const Plan& plan, const std::vector<at::Tensor>& x) {
  return contract(plan, input_side(plan), read_views(plan, x));
}

std::vector<at::Tensor> contract_cotangents(const Plan& plan, const std::vector<at::Tensor>& y) {
  return contract(plan, output_side(plan), read_views(plan, y));
}

std::vector<at::Tensor> apply_contracted(const Plan& plan, const Coefficients& given,
                                         const std::vector<at::Tensor>& xs) {
  const Coefficients m = contiguous(given);
  const CoefficientShape shape(plan, m.in_channels, m.out_channels);
  const at::Tensor bias = m.values.narrow(1, shape.weights(), shape.total() - shape.weights());
  return write_views(plan, expand(plan, output_side(plan), frame_like(xs.front(), m.out_channels), bias,
                                  [&](int s, const at::Tensor& y, const Start& start) {
                                    multiply_channels(matrix(shape, plan.signatures[s], m), xs[s], y, start);
                                  }));
}

std::vector<at::Tensor> adjoint_contracted(const Plan& plan, const Coefficients& given,
                                           const std::vector<at::Tensor>& ys) {
  const Coefficients m = contiguous(given);
  const CoefficientShape shape(plan, m.in_channels, m.out_channels);
  return write_views(plan, expand(plan, input_side(plan), frame_like(ys.front(), m.in_channels), {},
                                  [&](int s, const at::Tensor& z, const Start& start) {
                                    multiply_channels(matrix(shape, plan.signatures[s], m).transposed(), ys[s], z,
                                                      start);
                                  }));
}

at::Tensor coefficient_grad_contracted(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& xs,
                                       const std::vector<at::Tensor>& ys) {
  const int64_t members = m.values.size(0);
  at::Tensor bias = ys.front().narrow(2, 0, plan.bias_channels * m.out_channels);  // [P, B, bias]
  bias = members == 1 ? bias.sum(at::IntArrayRef({0, 1})).unsqueeze(0) : bias.sum(1);
  if (at::GradMode::is_enabled()) {
    std::vector<at::Tensor> parts;
    parts.reserve(xs.size() + 1);
    for (size_t s = 0; s < xs.size(); ++s) parts.push_back(gram_product(ys[s], xs[s], members).flatten(1));
    parts.push_back(bias);
    return at::cat(parts, 1);
  }
  const CoefficientShape shape(plan, m.in_channels, m.out_channels);
  const Coefficients grad{recycled({members, shape.total()}, bias.options()), m.in_channels, m.out_channels};
  for (size_t s = 0; s < xs.size(); ++s) gram_into(ys[s], xs[s], matrix(shape, plan.signatures[s], grad), false);
  grad.values.narrow(1, shape.weights(), bias.size(1)).copy_(bias);
  return grad.values;
}

std::vector<at::Tensor> apply(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& x) {
  check_features(plan, m, x, m.in_channels);
  return x.empty() ? x : apply_contracted(plan, m, contract_features(plan, x));
}

std::vector<at::Tensor> adjoint(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& y) {
  check_features(plan, m, y, m.out_channels);
  return y.empty() ? y : adjoint_contracted(plan, m, contract_cotangents(plan, y));
}

at::Tensor coefficient_grad(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& x,
                            const std::vector<at::Tensor>& y) {
  check_features(plan, m, x, m.in_channels);
  check_features(plan, m, y, m.out_channels);
  if (x.empty()) return at::zeros_like(m.values);
  return coefficient_grad_contracted(plan, m, contract_features(plan, x), contract_cotangents(plan, y));
}

}  // namespace nfopt::aten
