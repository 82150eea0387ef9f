#include <nfopt/nflayers/kernels/aten/momentum_accumulation.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt {
namespace {

std::string shown(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << " " << tensor.sizes() << " on " << tensor.device();
  return text.str();
}

bool has_members(const at::Tensor& tensor, const at::Tensor& momenta) {
  return tensor.defined() && tensor.is_floating_point() && tensor.device() == momenta.device() && tensor.dim() >= 1 &&
         tensor.size(0) == momenta.size(0);
}

/// [P, shape...] each -> [P, N]
at::Tensor flat(const std::vector<at::Tensor>& list, const at::Tensor& like) {
  std::vector<at::Tensor> rows;
  for (const at::Tensor& tensor : list)
    rows.push_back(tensor.reshape({like.size(0), tensor[0].numel()}).to(like.options()));
  return at::cat(rows, 1);
}

}  // namespace

void check_momenta(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                   const at::Tensor& momenta, const std::vector<double>& decays, double clip) {
  const auto fail = [](const std::string& what) { throw Error("kernels", "momenta: " + what); };
  if (params.empty() || params.size() != grads.size())
    fail("expected one gradient per parameter and at least one parameter, received " + std::to_string(params.size()) +
         " parameters and " + std::to_string(grads.size()) + " gradients.");
  if (!momenta.defined() || momenta.dim() != 3 || !momenta.is_floating_point() || momenta.size(0) == 0)
    fail("expected a state [P, K, N] of real numbers with P >= 1, received " + shown(momenta) + ".");
  if (momenta.size(1) != static_cast<int64_t>(decays.size()))
    fail("the state " + shown(momenta) + " has another number of rows than the " + std::to_string(decays.size()) +
         " decays.");
  if (!(clip > 0)) fail("expected a positive clip, received " + std::to_string(clip) + ".");

  std::string problems;
  int64_t total = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    const auto& p = params[i];
    const auto& g = grads[i];
    if (!has_members(p, momenta) || p.scalar_type() != params[0].scalar_type())
      problems += "\n  parameter " + std::to_string(i) + ": " + shown(p);
    else
      total += p[0].numel();
    if (!has_members(g, momenta) || g.scalar_type() != grads[0].scalar_type() ||
        (p.defined() && g.sizes() != p.sizes()))
      problems += "\n  gradient " + std::to_string(i) + ": " + shown(g);
  }
  if (!problems.empty())
    fail("expected parameters and gradients of one type each and of equal shapes [" + std::to_string(momenta.size(0)) +
         ", ...] on " + momenta.device().str() + ", as the state " + shown(momenta) + " has them. Received" + problems);
  if (total != momenta.size(2))
    fail("the parameters have " + std::to_string(total) + " elements, the state " + shown(momenta) + ".");
}

AccumulatedMomenta aten::accumulate_momenta(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                                            const at::Tensor& momenta, const std::vector<double>& decays, double clip) {
  check_momenta(params, grads, momenta, decays, clip);
  std::vector<double> weights;
  for (const double a : decays) weights.push_back(1 - a);
  const at::Tensor p = flat(params, momenta).unsqueeze(1);
  const at::Tensor g = flat(grads, momenta).unsqueeze(1);
  AccumulatedMomenta result;
  result.momenta = at::lerp(momenta, g, at::tensor(weights, momenta.options()).view({1, -1, 1}));

  const at::Tensor squares = at::cat({p, g, result.momenta}, 1).clamp(-clip, clip).square().sum(1, false, at::kDouble);
  std::vector<int64_t> numels;
  for (const at::Tensor& tensor : params) numels.push_back(tensor[0].numel());
  std::vector<at::Tensor> sums;
  for (const at::Tensor& part : squares.split_with_sizes(numels, 1)) sums.push_back(part.sum(1));
  result.sums_of_squares = at::stack(sums, 1).to(momenta.scalar_type());
  return result;
}

}  // namespace nfopt
