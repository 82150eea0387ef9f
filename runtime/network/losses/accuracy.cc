#include <nfopt/runtime/network/losses/accuracy.h>
#include <nfopt/runtime/network/losses/label_shape.h>
#include <torch/types.h>

namespace nfopt::losses {

at::Tensor accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  at::NoGradGuard no_grad;
  const at::Tensor correct = logits.argmax(-1) == labels_of_members("accuracy", logits, labels);
  return correct.to(logits.scalar_type()).reshape({logits.size(0), -1}).mean(1);
}

}  // namespace nfopt::losses
