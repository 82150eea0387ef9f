#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace nfopt {

enum class MlpActivation : uint8_t { identity, relu, tanh };

/// One member of a population of perceptrons: what a call reads and writes. Layer l maps widths[l] to widths[l + 1].
template <class T>
struct MlpMember {
  const T* inputs = nullptr;         ///< [B, widths[0]]
  const int64_t* labels = nullptr;   ///< [B]
  std::vector<const T*> weights;     ///< [out, in] of each layer
  std::vector<const T*> biases;      ///< [out]; null: none
  std::vector<T*> weight_gradients;  ///< [out, in]
  std::vector<T*> bias_gradients;    ///< [out]; null: none
};

/// Mean cross entropy of one perceptron on one batch, and its gradient, without a graph:
///
///   h_l = act(W_l h_{l-1} + b_l),   loss = mean_b  log sum_c exp(z[b, c]) - z[b, y_b]
///
/// In an unroll the matrices are tiny: packing them for a general matrix product costs more than multiplying them. Here
/// rows of a batch keep their features side by side, padded to whole vectors, and every product runs along them, so
/// that nothing but the weights is rearranged. Every member takes the same path whatever its place in a population:
/// equal members stay equal bit for bit. A loss that is no finite number comes back as NaN, the gradient as well.
///
/// T is float or double. 6 B sum_l in out operations; the buffers hold the activations of one batch.
/// [one-thread-at-a-time]
template <class T>
class MlpKernel {
 public:
  /// `widths`: inputs, hidden layers, classes.
  MlpKernel(std::vector<int64_t> widths, MlpActivation activation, int64_t batch);
  ~MlpKernel();

  /// Writes the gradient and returns the loss.
  T operator()(const MlpMember<T>& member);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

extern template class MlpKernel<float>;
extern template class MlpKernel<double>;

}  // namespace nfopt
