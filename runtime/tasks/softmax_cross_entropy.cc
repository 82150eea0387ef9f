#include <nfopt/runtime/tasks/softmax_cross_entropy.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

template <class T>
void run(at::Tensor& logits, const at::Tensor& targets, at::Tensor& loss) {
  const int64_t members = logits.size(0), batch = logits.size(1), classes = logits.size(2);
  const int64_t particles = targets.size(0);
  const int64_t* labels = targets.const_data_ptr<int64_t>();
  T* z = logits.data_ptr<T>();
  T* losses = loss.data_ptr<T>();
  const T share = T(1) / static_cast<T>(batch);
  for (int64_t m = 0; m < members; ++m) {
    const int64_t* label = labels + m % particles * batch;
    double total = 0;
    for (int64_t b = 0; b < batch; ++b, z += classes) {
      T largest = z[0];
      for (int64_t c = 1; c < classes; ++c) largest = z[c] < largest ? largest : z[c];
      const T chosen = z[label[b]];
      T sum = 0;
      for (int64_t c = 0; c < classes; ++c) {
        z[c] = std::exp(z[c] - largest);
        sum += z[c];
      }
      total += static_cast<double>(std::log(sum) - (chosen - largest));
      const T scale = share / sum;
      for (int64_t c = 0; c < classes; ++c) z[c] *= scale;
      z[label[b]] -= share;
    }
    losses[m] = static_cast<T>(total / static_cast<double>(batch));
  }
}

}  // namespace

void softmax_cross_entropy_(at::Tensor& logits, const at::Tensor& targets, at::Tensor& loss) {
  if (logits.scalar_type() == at::kDouble)
    run<double>(logits, targets, loss);
  else
    run<float>(logits, targets, loss);
}

}  // namespace nfopt
