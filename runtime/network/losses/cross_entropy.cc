#include <nfopt/runtime/network/losses/cross_entropy.h>
#include <nfopt/runtime/network/losses/label_shape.h>
#include <torch/types.h>

namespace nfopt::losses {

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor index = labels_of_members("cross_entropy", logits, labels);
  const at::Tensor log_probability = at::log_softmax(logits, -1).gather(-1, index.unsqueeze(-1));
  return log_probability.reshape({logits.size(0), -1}).mean(1).neg();
}

}  // namespace nfopt::losses
