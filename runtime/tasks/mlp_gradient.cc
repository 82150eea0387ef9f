// Backpropagation through plain multilayer perceptrons, by hand: no graph, no allocation, the batch of a particle shared
// by both of its signs. In an unroll of small networks autograd's bookkeeping costs more than the arithmetic.

#include <nfopt/runtime/tasks/softmax_cross_entropy.h>
#include <nfopt/runtime/tasks/task_gradient.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <string>

namespace nfopt {
namespace {

enum class Nonlinearity : uint8_t { identity, relu, tanh };

struct Layer {
  int weight = -1;  ///< index into the space's tensors
  int bias = -1;    ///< -1: none
};

/// [M, B, width] at the front of a longer line. LibTorch computes what does not fill a vector register with another tanh:
/// elementwise operations run over the whole line, so that equal members stay equal bit for bit wherever they stand.
struct Activations {
  Activations(int64_t members, int64_t batch, int64_t width, const at::TensorOptions& options)
      : line(at::zeros({(members * batch * width + 127) / 128 * 128}, options)),
        values(line.narrow(0, 0, members * batch * width).view({members, batch, width})) {}
  at::Tensor line;
  at::Tensor values;
};

class MlpGradient final : public TaskGradient {
 public:
  MlpGradient(const Task& task, std::vector<Layer> layers, Nonlinearity nonlinearity, int64_t particles, int64_t signs)
      : layers_(std::move(layers)), nonlinearity_(nonlinearity), particles_(particles), signs_(signs) {
    const int64_t members = particles * signs, batch = task.batch_size();
    const at::TensorOptions options = task.train().inputs.options();
    for (const Tensor& tensor : task.space()->tensors()) {
      std::vector<int64_t> shape = {members};
      shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
      gradients_.push_back(at::empty(shape, options));
    }
    for (const Layer& layer : layers_) {
      const int64_t width = task.space()->tensors()[layer.weight].shape[0];
      outputs_.emplace_back(members, batch, width, options);
      deltas_.emplace_back(members, batch, width, options);
    }
    loss_ = at::empty({members}, options);
  }

  void operator()(Members& members, const Examples& batches, const Pass&) override {
    const at::NoGradGuard no_grad;
    const at::Tensor x = batches.inputs.flatten(2);
    forward(members, x);
    softmax_cross_entropy_(outputs_.back().values, batches.targets, loss_);
    backward(members, x);
  }

 private:
  /// The rows of one sign in the first layer, whose input both signs share; all members elsewhere.
  int64_t parts(size_t layer) const { return layer == 0 ? signs_ : 1; }
  at::Tensor part(const at::Tensor& tensor, size_t layer, int64_t p) const {
    return parts(layer) == 1 ? tensor : tensor.narrow(0, p * particles_, particles_);
  }

  void forward(const Members& members, const at::Tensor& x) {
    for (size_t l = 0; l < layers_.size(); ++l) {
      const at::Tensor& weight = members.tensors()[layers_[l].weight];
      for (int64_t p = 0; p < parts(l); ++p) {
        at::Tensor out = part(outputs_[l].values, l, p);
        const at::Tensor columns = part(weight, l, p).transpose(1, 2);
        const at::Tensor& in = l == 0 ? x : outputs_[l - 1].values;
        if (layers_[l].bias >= 0)
          at::baddbmm_out(out, part(members.tensors()[layers_[l].bias], l, p).unsqueeze(1), in, columns);
        else
          at::bmm_out(out, in, columns);
      }
      if (l + 1 == layers_.size()) continue;
      if (nonlinearity_ == Nonlinearity::relu) outputs_[l].line.relu_();
      if (nonlinearity_ == Nonlinearity::tanh) outputs_[l].line.tanh_();
    }
  }

  void backward(const Members& members, const at::Tensor& x) {
    for (size_t l = layers_.size(); l-- > 0;) {
      const at::Tensor& delta = (l + 1 == layers_.size() ? outputs_[l] : deltas_[l]).values;
      for (int64_t p = 0; p < parts(l); ++p) {
        at::Tensor gradient = part(gradients_[layers_[l].weight], l, p);
        at::bmm_out(gradient, part(delta, l, p).transpose(1, 2), l == 0 ? x : outputs_[l - 1].values);
      }
      if (layers_[l].bias >= 0) at::sum_out(gradients_[layers_[l].bias], delta, at::IntArrayRef({1}));
      if (l == 0) continue;
      at::bmm_out(deltas_[l - 1].values, delta, members.tensors()[layers_[l].weight]);
      at::Tensor& below = deltas_[l - 1].line;
      if (nonlinearity_ == Nonlinearity::relu) at::threshold_backward_out(below, below, outputs_[l - 1].line, 0);
      if (nonlinearity_ == Nonlinearity::tanh) at::tanh_backward_out(below, below, outputs_[l - 1].line);
    }
  }

  std::vector<Layer> layers_;
  Nonlinearity nonlinearity_;
  int64_t particles_;
  int64_t signs_;
  std::vector<Activations> outputs_;  ///< of each layer, after the nonlinearity; the last becomes its own derivative
  std::vector<Activations> deltas_;   ///< d loss / d (output before the nonlinearity)
};

}  // namespace

std::unique_ptr<TaskGradient> make_mlp_gradient(const Task& task, int64_t particles, int64_t signs) {
  const Instance& instance = task.instance();
  const std::array names = {std::string("identity"), std::string("relu"), std::string("tanh")};
  if (instance.architecture->info().name != "mlp" || task.train().targets.dim() != 1) return nullptr;
  const auto found = std::find(names.begin(), names.end(), instance.options.text("activation"));
  if (found == names.end()) return nullptr;

  std::vector<Layer> layers;
  for (;;) {
    const std::string name = "layers." + std::to_string(layers.size());
    const int weight = task.space()->find(name + ".weight");
    if (weight < 0) break;
    layers.push_back({weight, task.space()->find(name + ".bias")});
  }
  return std::make_unique<MlpGradient>(task, std::move(layers), static_cast<Nonlinearity>(found - names.begin()),
                                       particles, signs);
}

}  // namespace nfopt
