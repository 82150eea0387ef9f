#include "mlp_network.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <torch/types.h>

#include <sstream>
#include <utility>

#include "siren_initialization.h"

namespace nfopt::mlp {
namespace {

class MlpNetwork final : public Network {
 public:
  explicit MlpNetwork(MlpShape shape) : shape_(std::move(shape)) {}

  void initialize(Members& w, const Rng& rng) const override {
    for (size_t layer = 0; layer < layers(); ++layer) {
      const std::string name = layer_name(layer);
      if (shape_.initialization == kSirenInitialization) {
        const SirenLayer kind = layer + 1 == layers() ? SirenLayer::output
                                : layer == 0          ? SirenLayer::first
                                                      : SirenLayer::hidden;
        initialize_siren(w, name, kind, shape_.widths[layer], shape_.bias, rng);
        continue;
      }
      initialize_weight(w, name + ".weight", shape_.initialization, rng);
      if (shape_.bias) initialize_bias(w, name + ".bias", shape_.initialization, shape_.widths[layer], rng);
    }
  }

  at::Tensor forward(Members& w, const at::Tensor& x, const Pass&) const override {
    at::Tensor h = flattened(x);
    for (size_t layer = 0; layer < layers(); ++layer) {
      const std::string name = layer_name(layer);
      h = ops::linear(h, w[name + ".weight"], shape_.bias ? w[name + ".bias"] : at::Tensor());
      if (layer + 1 < layers()) h = shape_.activation(h);
    }
    return h;
  }

 private:
  size_t layers() const { return shape_.widths.size() - 1; }

  // [P|1, B, ..] -> [P|1, B, input_size]
  at::Tensor flattened(const at::Tensor& x) const {
    if (x.dim() >= 3) {
      at::Tensor flat = x.flatten(2);
      if (flat.size(2) == shape_.widths.front()) return flat;
    }
    std::ostringstream text;
    text << "Expected x [P|1, B, ..] with input_size = " << shape_.widths.front() << " entries per example, received "
         << x.sizes() << ".";
    throw Error("mlp", text.str());
  }

  MlpShape shape_;
};

}  // namespace

std::string layer_name(size_t layer) { return "layers." + std::to_string(layer); }

std::unique_ptr<Network> make_mlp_network(MlpShape shape) { return std::make_unique<MlpNetwork>(std::move(shape)); }

}  // namespace nfopt::mlp
