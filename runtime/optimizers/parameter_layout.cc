#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt {
namespace {

std::vector<int64_t> with_leading(std::vector<int64_t> leading, const std::vector<int64_t>& shape) {
  leading.insert(leading.end(), shape.begin(), shape.end());
  return leading;
}

std::string describe(const at::Tensor& t) {
  if (!t.defined()) return "nothing";
  std::ostringstream text;
  text << c10::toString(t.scalar_type()) << " " << t.sizes() << " on " << t.device();
  return text.str();
}

bool fits(const at::Tensor& t, const std::vector<int64_t>& shape, const at::Tensor& like) {
  return t.defined() && t.dim() == static_cast<int64_t>(shape.size()) + 1 &&
         t.sizes().slice(1) == at::IntArrayRef(shape) && t.size(0) == like.size(0) &&
         t.scalar_type() == like.scalar_type() && t.device() == like.device();
}

}  // namespace

ParameterLayout::ParameterLayout(const WeightSpace& parameters) {
  for (const Tensor& t : parameters.tensors()) {
    parameters_.push_back({t.name, t.shape, t.numel(), total_});
    numels_.push_back(t.numel());
    total_ += t.numel();
  }
}

void ParameterLayout::check(const std::vector<at::Tensor>& list, const char* what, const at::Tensor& like) const {
  if (list.size() != size())
    throw Error("optimizer", "expected " + std::to_string(size()) + " " + what +
                                 ", one per parameter of the space, received " + std::to_string(list.size()) + ".");
  const bool may_be_undefined = like.defined();
  const at::Tensor& reference = may_be_undefined ? like : list.front();
  std::string problems;
  for (size_t i = 0; i < list.size(); ++i) {
    if (may_be_undefined && !list[i].defined()) continue;
    if (reference.defined() && reference.dim() > 0 && fits(list[i], parameters_[i].shape, reference)) continue;
    std::ostringstream expected;
    expected << at::IntArrayRef(parameters_[i].shape);
    problems += "\n  '" + parameters_[i].name + "': expected [P, ...] with shape " + expected.str() + ", received " +
                describe(list[i]);
  }
  if (!problems.empty())
    throw Error(
        "optimizer",
        std::string(what) + " do not fit the weight space (one population size, type and device for all):" + problems);
}

at::Tensor ParameterLayout::flatten(const std::vector<at::Tensor>& list) const {
  std::vector<at::Tensor> rows;
  rows.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) rows.push_back(list[i].reshape({list[i].size(0), numels_[i]}));
  return at::cat(rows, 1);
}

std::vector<at::Tensor> ParameterLayout::split(const at::Tensor& flat) const {
  return flat.split_with_sizes(numels_, -1);
}

std::vector<at::Tensor> ParameterLayout::unflatten(const at::Tensor& flat) const {
  std::vector<at::Tensor> list = split(flat);
  for (size_t i = 0; i < list.size(); ++i) list[i] = list[i].view(with_leading({flat.size(0)}, parameters_[i].shape));
  return list;
}

std::vector<at::Tensor> ParameterLayout::features(const at::Tensor& flat) const {
  std::vector<at::Tensor> list = split(flat);
  for (size_t i = 0; i < list.size(); ++i)
    list[i] = list[i].view(with_leading({flat.size(0), 1, flat.size(1)}, parameters_[i].shape));
  return list;
}

at::Tensor ParameterLayout::flatten_features(const std::vector<at::Tensor>& list) const {
  std::vector<at::Tensor> rows;
  rows.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i)
    rows.push_back(list[i].reshape({list[i].size(0), list[i].size(2), numels_[i]}));
  return at::cat(rows, 2);
}

}  // namespace nfopt
