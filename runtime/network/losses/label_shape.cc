#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/losses/label_shape.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt::losses {

at::Tensor labels_of_members(const char* loss, const at::Tensor& logits, const at::Tensor& labels) {
  const bool fits = logits.dim() >= 2 && labels.dim() == logits.dim() - 1 && labels.scalar_type() == at::kLong &&
                    (labels.size(0) == 1 || labels.size(0) == logits.size(0)) &&
                    labels.sizes().slice(1) == logits.sizes().slice(1, logits.dim() - 2);
  if (fits) return labels.expand(logits.sizes().slice(0, logits.dim() - 1));
  std::ostringstream text;
  text << loss << " expects logits [P, B.., C] and int64 labels [P|1, B..]; received logits " << logits.sizes()
       << " and " << labels.scalar_type() << " labels " << labels.sizes() << ".";
  throw Error("loss", text.str());
}

}  // namespace nfopt::losses
