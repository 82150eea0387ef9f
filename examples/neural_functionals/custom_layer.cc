// A layer that nobody published, as a coefficient layout: every entry sees itself and the mean of its own tensor,
// through two matrices that all tensors share.
//
//   y_v = W_self x_v + W_mean mean(x_v) + c
//
// The plan says which maps exist, the layout which stored number goes where; the engine does the rest, derivatives too.

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/layout_linear_map.h>
#include <nfopt/nflayers/spec/text.h>
#include <torch/torch.h>

#include <cstdio>

using Features = std::vector<torch::Tensor>;

nfopt::LayoutLinearMap make_layer(const nfopt::WeightSpace& space, int64_t in, int64_t out) {
  // Fold::none: fixed axes are positions like any other, so that no tensor has channels of its own.
  const auto views = nfopt::fold_views(space, nfopt::Fold::none());
  const auto keep = [&](int v, int w, const nfopt::Partition& partition) {
    const size_t axes = views[v].axes.size();
    const bool copies = partition.size() == axes, averages = partition.size() == 2 * axes;
    bool straight = true;  // axis i of the output meets axis i of the input, not its transpose or diagonal
    for (const auto& block : partition)
      straight = straight && (averages ? block.size() == 1 : block.size() == 2 && block[1] - block[0] == int(axes));
    return v == w && straight && (copies || averages);
  };
  auto plan = std::make_shared<const nfopt::Plan>(nfopt::build_plan(space, nfopt::Fold::none(), keep));

  nfopt::BlockLayoutBuilder layout(*plan, in, out);
  const int self = layout.parameter("self", {out, in}), mean = layout.parameter("mean", {out, in}),
            bias = layout.parameter("bias", {out});
  for (const nfopt::Term& term : plan->terms) {
    const auto& signature = plan->signatures[term.signature];
    const bool copies = signature.sizes.size() == views[term.out_view].axes.size();
    layout.matrix(term.signature, term.output, term.input, copies ? self : mean, 0, {{out, in, 1}}, {{in, 1, 1}});
  }
  for (size_t v = 0; v < views.size(); ++v) layout.bias(static_cast<int>(v), bias, 0, {{out, 1, 1}});
  return {plan, in, out, std::move(layout).finish()};
}

int main() {
  // One attention block: heads, and units that belong to a head each.
  const nfopt::WeightSpace space = nfopt::weight_space_from_text(R"(weight space 1
    q  [6, 5] : [[h=2, k@h], d]
    k  [6, 5] : [[h, k@h], d]
    v  [4, 5] : [[h, v@h], d]
    o  [5, 4] : [d, [h, v@h]])");
  const nfopt::LayoutLinearMap layer = make_layer(space, 2, 3);

  torch::manual_seed(0);
  const auto options = torch::dtype(torch::kDouble);
  Features parameters, x;
  for (const nfopt::StoredParameter& p : layer.parameters())
    parameters.push_back(torch::randn(p.shape, options).unsqueeze(0).requires_grad_());
  for (const nfopt::Tensor& t : space.tensors()) {
    std::vector<int64_t> shape = {1, 1, 2};  // P members, B networks, C channels, then the tensor's own axes
    shape.insert(shape.end(), t.shape.begin(), t.shape.end());
    x.push_back(torch::randn(shape, options));
  }
  const Features y = layer(parameters, x);

  const nfopt::GroupAction permute(space, nfopt::random_symmetry(space, nfopt::Rng(0)));
  const Features y_then_moved = permute(y), moved_then_y = layer(parameters, permute(x));
  double difference = 0;
  for (size_t i = 0; i < y.size(); ++i)
    difference = std::max(difference, (y_then_moved[i] - moved_then_y[i]).abs().max().item<double>());

  const auto by_hand = torch::einsum("oc,pbcij->pboij", {parameters[0][0], x[0]}) +
                       torch::einsum("oc,pbc->pbo", {parameters[1][0], x[0].mean({3, 4})}).unsqueeze(-1).unsqueeze(-1) +
                       parameters[2].reshape({1, 1, 3, 1, 1});
  const double error = (y[0] - by_hand).abs().max().item<double>();
  y[0].square().sum().backward();
  std::printf("difference when heads and units move %.1e   difference from the formula %.1e   |d W_self| %.3f\n",
              difference, error, parameters[0].grad().norm().item<double>());
  return difference < 1e-12 && error < 1e-12 ? 0 : 1;
}
