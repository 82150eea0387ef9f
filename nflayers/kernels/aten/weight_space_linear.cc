#include <ATen/core/LegacyTypeDispatch.h>
#include <nfopt/nflayers/kernels/aten/check_features.h>
#include <nfopt/nflayers/kernels/aten/weight_space_linear.h>
#include <torch/autograd.h>

#include <algorithm>
#include <optional>

namespace nfopt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A small network is some hundred operators of a microsecond each; outside a graph they need no way through autograd.
using BelowAutograd = at::AutoDispatchBelowADInplaceOrView;

// What backward needs besides the inputs. The contracted features are read only when no graph is built through them.
struct Saved : torch::CustomClassHolder {
  std::shared_ptr<const Plan> plan;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  std::vector<at::Tensor> contracted;
};

struct LinearNode : torch::autograd::Function<LinearNode> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& values, at::TensorList features,
                               const std::shared_ptr<const Plan>& plan, int64_t in_channels, int64_t out_channels) {
    const BelowAutograd below;
    const variable_list x = features.vec();
    auto saved = c10::make_intrusive<Saved>();
    saved->plan = plan;
    saved->in_channels = in_channels;
    saved->out_channels = out_channels;
    saved->contracted = aten::contract_features(*plan, x);
    variable_list inputs = {values};
    inputs.insert(inputs.end(), x.begin(), x.end());
    ctx->save_for_backward(std::move(inputs));
    variable_list y = aten::apply_contracted(*plan, {values, in_channels, out_channels}, saved->contracted);
    ctx->saved_data["saved"] = c10::IValue::make_capsule(std::move(saved));
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& cotangents) {
    const auto saved = c10::static_intrusive_pointer_cast<Saved>(ctx->saved_data["saved"].toCapsule());
    const Plan& plan = *saved->plan;
    const variable_list inputs = ctx->get_saved_variables();
    const Coefficients m{inputs[0], saved->in_channels, saved->out_channels};
    std::optional<BelowAutograd> below;
    if (!at::GradMode::is_enabled()) below.emplace();
    const auto ys = aten::contract_cotangents(plan, cotangents);

    variable_list grads(inputs.size() + 3);  // plan and channel counts have none
    if (ctx->needs_input_grad(0)) {
      const bool graph = at::GradMode::is_enabled();
      const auto xs = graph ? aten::contract_features(plan, {inputs.begin() + 1, inputs.end()}) : saved->contracted;
      grads[0] = aten::coefficient_grad_contracted(plan, m, xs, ys);
    }
    bool features = false;
    for (size_t i = 1; i < inputs.size(); ++i) features = features || ctx->needs_input_grad(i);
    if (features) {
      auto z = aten::adjoint_contracted(plan, m, ys);
      std::move(z.begin(), z.end(), grads.begin() + 1);
    }
    return grads;
  }
};

}  // namespace

std::vector<at::Tensor> weight_space_linear(const std::shared_ptr<const Plan>& plan, const Coefficients& m,
                                            const std::vector<at::Tensor>& x) {
  aten::check_features(*plan, m, x, m.in_channels);
  if (x.empty()) return {};
  const bool graph = at::GradMode::is_enabled() &&
                     (m.values.requires_grad() ||
                      std::any_of(x.begin(), x.end(), [](const at::Tensor& t) { return t.requires_grad(); }));
  if (!graph) {
    const BelowAutograd below;
    const at::NoGradGuard guard;
    return aten::apply_contracted(*plan, m, aten::contract_features(*plan, x));
  }
  return LinearNode::apply(m.values, at::TensorList(x), plan, m.in_channels, m.out_channels);
}

}  // namespace nfopt
