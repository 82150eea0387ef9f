#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/tensor_bytes.h>
#include <torch/types.h>

#include <cstring>

namespace nfopt {
namespace {

void put(std::string& out, int64_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  std::string_view take(int64_t count) {
    if (count < 0 || static_cast<size_t>(count) > bytes_.size())
      throw Error("communicator", "tensors from another rank are cut short.");
    const std::string_view taken = bytes_.substr(0, static_cast<size_t>(count));
    bytes_.remove_prefix(static_cast<size_t>(count));
    return taken;
  }
  int64_t number() {
    int64_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

// Per tensor: length of the name, name, type, rank, sizes, values.
std::string to_bytes(const NamedTensors& tensors) {
  std::string out;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
    put(out, static_cast<int64_t>(name.size()));
    out += name;
    put(out, static_cast<int64_t>(values.scalar_type()));
    put(out, values.dim());
    for (const int64_t size : values.sizes()) put(out, size);
    out.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  }
  return out;
}

NamedTensors tensors_from_bytes(std::string_view bytes) {
  NamedTensors tensors;
  Reader reader(bytes);
  while (!reader.done()) {
    std::string name(reader.take(reader.number()));
    const auto type = static_cast<at::ScalarType>(reader.number());
    std::vector<int64_t> sizes(static_cast<size_t>(reader.number()));
    for (int64_t& size : sizes) size = reader.number();
    at::Tensor tensor = at::empty(sizes, type);
    const std::string_view values = reader.take(static_cast<int64_t>(tensor.nbytes()));
    if (!values.empty()) std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size());
    tensors.add(std::move(name), std::move(tensor));
  }
  return tensors;
}

}  // namespace nfopt
