#include <nfopt/runtime/tasks/dataset.h>
#include <torch/types.h>

namespace nfopt {

Examples Examples::to(at::Device device, at::ScalarType dtype) const {
  return {inputs.is_floating_point() ? inputs.to(device, dtype) : inputs.to(device), targets.to(device)};
}

Examples Examples::first(int64_t count) const {
  if (count >= size()) return *this;
  return {inputs.narrow(0, 0, count), targets.narrow(0, 0, count)};
}

Dataset load_dataset(const DataOptions& options, at::ScalarType dtype) {
  if (const auto* text = std::get_if<ByteTextOptions>(&options)) return load_byte_text(*text);
  return load_fashion_mnist(std::get<FashionMnistOptions>(options), dtype);
}

}  // namespace nfopt
