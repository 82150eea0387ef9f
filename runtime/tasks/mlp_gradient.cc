// Backpropagation through plain multilayer perceptrons, by hand (mlp_kernel.h): no graph, no allocation, the batch of a
// particle shared by both of its signs. In an unroll of small networks autograd's bookkeeping costs more than the
// arithmetic.

#include <nfopt/runtime/tasks/mlp_kernel.h>
#include <nfopt/runtime/tasks/task_gradient.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <string>

namespace nfopt {
namespace {

struct LayerTensors {
  int weight = -1;  ///< index into the space's tensors
  int bias = -1;    ///< -1: none
};

std::vector<int64_t> widths_of(const Task& task, const std::vector<LayerTensors>& layers) {
  const auto& tensors = task.space()->tensors();
  std::vector<int64_t> widths = {tensors[layers.front().weight].shape[1]};
  for (const LayerTensors& layer : layers) widths.push_back(tensors[layer.weight].shape[0]);
  return widths;
}

template <class T>
class MlpGradient final : public TaskGradient {
 public:
  MlpGradient(const Task& task, std::vector<LayerTensors> layers, MlpActivation activation, int64_t particles,
              int64_t signs)
      : layers_(std::move(layers)),
        particles_(particles),
        kernel_(widths_of(task, layers_), activation, task.batch_size()) {
    const int64_t members = particles * signs;
    const at::TensorOptions options = task.train().inputs.options();
    for (const Tensor& tensor : task.space()->tensors()) {
      std::vector<int64_t> shape = {members};
      shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
      gradients_.push_back(at::empty(shape, options));
    }
    loss_ = at::empty({members}, options);
  }

  void operator()(Members& members, const Examples& batches, const Pass&) override {
    std::vector<at::Tensor> tensors;
    for (const at::Tensor& tensor : members.tensors()) tensors.push_back(tensor.contiguous());
    const auto of_member = [](const at::Tensor& tensor, int64_t m) {
      return tensor.data_ptr<T>() + m * (tensor.numel() / tensor.size(0));
    };
    T* losses = loss_.template data_ptr<T>();
    for (int64_t m = 0; m < members.size(); ++m) {
      const int64_t particle = m % particles_;
      MlpMember<T> member;
      member.inputs = of_member(batches.inputs, particle);
      member.labels = batches.targets.const_data_ptr<int64_t>() + particle * batches.targets.size(1);
      for (const LayerTensors& layer : layers_) {
        const bool bias = layer.bias >= 0;
        member.weights.push_back(of_member(tensors[layer.weight], m));
        member.weight_gradients.push_back(of_member(gradients_[layer.weight], m));
        member.biases.push_back(bias ? of_member(tensors[layer.bias], m) : nullptr);
        member.bias_gradients.push_back(bias ? of_member(gradients_[layer.bias], m) : nullptr);
      }
      losses[m] = kernel_(member);
    }
  }

 private:
  std::vector<LayerTensors> layers_;
  int64_t particles_;
  MlpKernel<T> kernel_;
};

}  // namespace

std::unique_ptr<TaskGradient> make_mlp_gradient(const Task& task, int64_t particles, int64_t signs) {
  const Instance& instance = task.instance();
  const std::array names = {std::string("identity"), std::string("relu"), std::string("tanh")};  // as MlpActivation
  if (instance.architecture->info().name != "mlp" || task.train().targets.dim() != 1) return nullptr;
  const at::Tensor& inputs = task.train().inputs;
  if (!inputs.is_cpu() || (inputs.scalar_type() != at::kFloat && inputs.scalar_type() != at::kDouble)) return nullptr;
  const auto found = std::find(names.begin(), names.end(), instance.options.text("activation"));
  if (found == names.end()) return nullptr;

  std::vector<LayerTensors> layers;
  for (;;) {
    const std::string name = "layers." + std::to_string(layers.size());
    const int weight = task.space()->find(name + ".weight");
    if (weight < 0) break;
    layers.push_back({weight, task.space()->find(name + ".bias")});
  }
  const auto activation = static_cast<MlpActivation>(found - names.begin());
  if (inputs.scalar_type() == at::kDouble)
    return std::make_unique<MlpGradient<double>>(task, std::move(layers), activation, particles, signs);
  return std::make_unique<MlpGradient<float>>(task, std::move(layers), activation, particles, signs);
}

}  // namespace nfopt
