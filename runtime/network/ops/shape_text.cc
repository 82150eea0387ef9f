#include <nfopt/runtime/network/ops/shape_text.h>

#include <sstream>

namespace nfopt::ops {

std::string shape_text(std::initializer_list<std::pair<const char*, at::Tensor>> tensors) {
  std::ostringstream text;
  for (const auto& [name, tensor] : tensors) {
    text << (text.tellp() > 0 ? ", " : "") << name << ' ';
    if (tensor.defined()) {
      text << tensor.sizes();
    } else {
      text << "none";
    }
  }
  return text.str();
}

}  // namespace nfopt::ops
