#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/network/members.h>
#include <torch/types.h>

#include <sstream>
#include <utility>

namespace nfopt {
namespace {

std::vector<int64_t> with_members(int64_t size, const std::vector<int64_t>& shape) {
  std::vector<int64_t> full = {size};
  full.insert(full.end(), shape.begin(), shape.end());
  return full;
}

std::string text(at::IntArrayRef sizes) {
  std::ostringstream out;
  out << sizes;
  return out.str();
}

}  // namespace

Members::Members(WeightSpacePtr space, std::vector<at::Tensor> tensors)
    : space_(std::move(space)), tensors_(std::make_shared<std::vector<at::Tensor>>(std::move(tensors))) {
  const auto& described = space_->tensors();
  if (tensors_->size() != described.size()) {
    throw Error("network", "Members need one tensor per tensor of the weight space: expected " +
                               std::to_string(described.size()) + ", received " + std::to_string(tensors_->size()) +
                               ".");
  }
  if (!tensors_->empty() && tensors_->front().defined() && tensors_->front().dim() > 0) {
    size_ = tensors_->front().size(0);
  }
  std::string problems;
  for (size_t i = 0; i < described.size(); ++i) {
    const auto expected = with_members(size_, described[i].shape);
    const auto& tensor = (*tensors_)[i];
    if (tensor.defined() && tensor.sizes() == at::IntArrayRef(expected)) continue;
    problems += "\n       '" + described[i].name + "': expected [P, shape...] = " + text(expected) + ", received " +
                (tensor.defined() ? text(tensor.sizes()) : "an undefined tensor");
  }
  if (!problems.empty()) throw Error("network", "These tensors do not fit their weight space:" + problems);
}

Members Members::zeros(WeightSpacePtr space, int64_t size, const at::TensorOptions& options) {
  if (size < 1) throw Error("network", "A population has at least one member: received " + std::to_string(size) + ".");
  std::vector<at::Tensor> tensors;
  for (const auto& tensor : space->tensors()) tensors.push_back(at::zeros(with_members(size, tensor.shape), options));
  return Members(std::move(space), std::move(tensors));
}

int Members::find(std::string_view name) const {
  const std::string full = full_name(name);
  const int index = space_->find(full);
  if (index >= 0) return index;
  std::vector<std::string> names;
  for (const auto& tensor : space_->tensors()) names.push_back(tensor.name);
  throw Error("network", "No parameter or buffer '" + full + "'." + known_names(full, names));
}

const at::Tensor& Members::operator[](std::string_view name) const { return (*tensors_)[find(name)]; }

at::Tensor& Members::buffer(std::string_view name) {
  const int index = find(name);
  if (space_->tensors()[index].kind != Kind::buffer) {
    throw Error("network", "'" + space_->tensors()[index].name +
                               "' is a parameter: only buffers are written by a forward pass. "
                               "Describe it with kind = Kind::buffer, or read it with [].");
  }
  return (*tensors_)[index];
}

Members Members::scope(std::string_view prefix) const {
  Members scoped = *this;
  scoped.prefix_ += prefix;
  return scoped;
}

}  // namespace nfopt
