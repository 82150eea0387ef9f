#include <nfopt/nflayers/layers/nfn/affine_layout_builder.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/np_layout.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace nfopt {
namespace {

std::string half_name(const Half& half) {
  if (half.cells.empty()) return "scalar";
  std::string name;
  for (size_t c = 0; c < half.cells.size(); ++c) {
    const bool kept = std::find(half.kept.begin(), half.kept.end(), static_cast<int>(c)) != half.kept.end();
    name += (c == 0 ? "" : "_") + std::string(kept ? "k" : "b");
    for (size_t a = 0; a < half.cells[c].size(); ++a) name += (a == 0 ? "" : "=") + std::to_string(half.cells[c][a]);
  }
  return name;
}

struct MapName {
  std::string name;
  size_t ones = 0;  // trailing axes of length 1 in the published weight
};

MapName published_name(const ViewRole& role, const Half& half) {
  const std::string i = std::to_string(role.layer);
  if (role.bias) return half.kept.empty() ? MapName{"bias_" + i + "_rc", 0} : MapName{"bias_" + i, 1};
  if (half.kept.size() == 2) return {"layer_" + i, 2};
  if (half.kept.empty()) return {"layer_" + i + "_rc", 0};
  return {"layer_" + i + (half.kept[0] == 1 ? "_r" : "_c"), 1};
}

// Published order of the inputs of a map of layer `own`: all means, weights before biases; otherwise the own layer
// before its neighbour, weight before bias.
std::vector<int> published_order(const Plan& plan, const Signature& signature, const std::vector<ViewRole>& roles,
                                 int64_t own) {
  std::vector<int> order(signature.inputs.size());
  std::iota(order.begin(), order.end(), 0);
  auto key = [&](int input) {
    const ViewRole& role = roles[plan.inputs[signature.inputs[input].half].view];
    return signature.sizes.empty() ? std::tuple(role.bias ? 1 : 0, role.layer, 0)
                                   : std::tuple(role.layer == own ? 0 : 1, role.layer, role.bias ? 1 : 0);
  };
  std::sort(order.begin(), order.end(), [&](int a, int b) { return key(a) < key(b); });
  return order;
}

}  // namespace

AffineLayout np_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels, int64_t out_channels) {
  const auto network = FeedForward::recognize(space);
  // A folded input axis (Fold::all) gives other halves than the published ones.
  const bool published = network && plan.views[network->weights.front()].axes.size() == 2 &&
                         plan.views[network->weights.back()].axes.size() == 2;
  const std::vector<ViewRole> roles = published ? view_roles(*network) : std::vector<ViewRole>();
  AffineLayoutBuilder builder(plan, in_channels, out_channels);
  for (size_t v = 0; v < plan.views.size(); ++v) {
    builder.begin_group();
    for (size_t s = 0; s < plan.signatures.size(); ++s) {
      const Signature& signature = plan.signatures[s];
      for (size_t o = 0; o < signature.outputs.size(); ++o) {
        const Half& half = plan.outputs[signature.outputs[o].half];
        if (half.view != static_cast<int>(v)) continue;
        std::vector<AffineLayoutBuilder::Input> inputs;
        MapName name{"maps." + plan.views[v].name + "." + half_name(half), 0};
        std::vector<int> order(signature.inputs.size());
        std::iota(order.begin(), order.end(), 0);
        if (published) {
          name = published_name(roles[v], half);
          order = published_order(plan, signature, roles, roles[v].layer);
        }
        for (int input : order) inputs.push_back({input});
        builder.add(name.name, static_cast<int>(s), static_cast<int>(o), inputs, name.ones);
      }
    }
    builder.end_group();
  }
  return std::move(builder).finish();
}

Plan pointwise_plan(const WeightSpace& space) {
  const auto layers = fold_views(space, Fold::fixed());
  return build_plan(space, Fold::fixed(), [&](int out, int in, const Partition& partition) {
    if (out != in) return false;
    const int axes = static_cast<int>(layers[out].axes.size());
    return std::all_of(partition.begin(), partition.end(),
                       [&](const std::vector<int>& block) { return block.size() == 2 && block[1] == block[0] + axes; });
  });
}

AffineLayout pointwise_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels, int64_t out_channels) {
  const auto network = FeedForward::recognize(space);
  const std::vector<ViewRole> roles = network ? view_roles(*network) : std::vector<ViewRole>();
  AffineLayoutBuilder builder(plan, in_channels, out_channels);
  for (const Term& term : plan.terms) {
    const size_t v = static_cast<size_t>(term.out_view);
    MapName name{"maps." + plan.views[v].name, 0};
    if (network)
      name = {(roles[v].bias ? "bias_maps." : "weight_maps.") + std::to_string(roles[v].layer),
              static_cast<size_t>(roles[v].bias ? 1 : 2)};
    builder.begin_group();
    builder.add(name.name, term.signature, term.output, {{term.input}}, name.ones);
    builder.end_group();
  }
  return std::move(builder).finish();
}

}  // namespace nfopt
