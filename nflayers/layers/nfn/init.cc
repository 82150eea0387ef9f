#include <nfopt/nflayers/layers/nfn/init.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <cmath>

namespace nfopt {

InitType init_type(std::string_view name) {
  if (name == "pytorch_default") return InitType::pytorch_default;
  if (name == "kaiming_normal") return InitType::kaiming_normal;
  throw Error("layer", "no init type '" + std::string(name) + "'. Known: kaiming_normal, pytorch_default.");
}

const char* name_of(InitType type) { return type == InitType::pytorch_default ? "pytorch_default" : "kaiming_normal"; }

void set_init(const InitMap& map, const Rng& rng, InitType type, int64_t fan) {
  const torch::NoGradGuard guard;
  at::Tensor weight = map.weight, bias = map.bias;
  const Rng weights = rng.purpose(map.name + ".weight");
  if (fan < 1) return;  // nothing feeds the map: it stays as it is
  const double f = static_cast<double>(fan);
  if (type == InitType::kaiming_normal) {
    fill_normal(weight, weights, 0.0, std::sqrt(2.0 / f));
    if (bias.defined()) bias.zero_();
    return;
  }
  const double bound = 1.0 / std::sqrt(f);
  fill_uniform(weight, weights, -bound, bound);
  if (bias.defined()) fill_uniform(bias, rng.purpose(map.name + ".bias"), -bound, bound);
}

void set_init(const std::vector<InitMap>& maps, const Rng& rng, InitType type) {
  int64_t fan = 0;
  for (const InitMap& map : maps) fan += map.weight.size(1);
  for (const InitMap& map : maps) set_init(map, rng, type, fan);
}

}  // namespace nfopt
