#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/binding/symmetry_check.h>
#include <torch/types.h>

#include <algorithm>
#include <sstream>

namespace nfopt {
namespace {

/// Puts the values back in the end: a check that fails must not leave a network with permuted weights.
class Restored {
 public:
  explicit Restored(const std::vector<at::Tensor>& tensors) : tensors_(tensors) {
    for (const at::Tensor& tensor : tensors) values_.push_back(tensor.detach().clone());
  }
  ~Restored() { write(values_); }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

  const std::vector<at::Tensor>& values() const { return values_; }
  void write(const std::vector<at::Tensor>& values) {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < tensors_.size(); ++i) at::Tensor(tensors_[i]).detach().copy_(values[i]);
  }

 private:
  const std::vector<at::Tensor>& tensors_;
  std::vector<at::Tensor> values_;
};

// Half of a tensor's usual entry is added to each of its entries. Buffers grow only: variances stay positive.
at::Tensor moved(const at::Tensor& values, Kind kind, const Rng& rng) {
  if (!values.is_floating_point()) return values;
  const double size = values.numel() > 0 ? values.square().mean().sqrt().item<double>() : 0.0;
  at::Tensor noise = at::empty(values.sizes(), at::kDouble);
  fill_normal(noise, rng, 0.0, size > 0 ? 0.5 * size : 0.1);
  if (kind == Kind::buffer) noise.abs_();
  return values + noise.to(values.options());
}

std::vector<std::string> carriers(const WeightSpace& space, int label) {
  std::vector<std::string> names;
  for (const View& view : space.views()) {
    const auto carries = [&](const Factor& factor) { return factor.label == label; };
    const std::string& name = space.sources()[static_cast<size_t>(view.source)].name;
    if (std::any_of(view.factors.begin(), view.factors.end(), carries) && (names.empty() || names.back() != name))
      names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<LabelError> symmetry_errors(const Binding& binding, const std::function<at::Tensor()>& forward,
                                        const Rng& rng) {
  const at::NoGradGuard no_grad;
  Restored network(binding.tensors);
  const auto outputs = [&](const std::vector<at::Tensor>& values) {
    network.write(values);  // also undoes what a forward pass wrote into buffers
    return forward().detach().to(at::kDouble);
  };
  std::vector<at::Tensor> theta;
  for (size_t i = 0; i < binding.tensors.size(); ++i) {
    const Tensor& described = binding.space->tensors()[i];
    theta.push_back(moved(network.values()[i], described.kind, rng.purpose(described.name)));
  }
  at::Tensor expected = outputs(theta);
  if (!expected.isfinite().all().item<bool>()) {
    theta = network.values();
    expected = outputs(theta);
  }
  const double scale = expected.abs().max().item<double>();
  const auto error_of = [&](const at::Tensor& received) {
    const double change = (received - expected).abs().max().item<double>();
    return scale > 0 ? change / scale : change;
  };
  if (const double again = error_of(outputs(theta)); !(again < 1e-12))
    throw Error("binding",
                "two forward passes over the same parameters differ by " + std::to_string(again) +
                    " of the largest output. Use one input for all, and eval mode (dropout draws anew each time).");

  const WeightSpace& space = *binding.space;
  const std::vector<bool> plain = symmetric_labels(space);
  std::vector<LabelError> errors;
  for (size_t label = 0; label < plain.size(); ++label) {
    if (!plain[label]) continue;
    const auto g = random_element_of(space, static_cast<int>(label), rng.index(label));
    errors.push_back({space.labels()[label].name, error_of(outputs(apply(g, space, theta))),
                      carriers(space, static_cast<int>(label))});
  }
  return errors;
}

void require_symmetries(const Binding& binding, const std::function<at::Tensor()>& forward, const Rng& rng) {
  const bool exact = std::all_of(binding.tensors.begin(), binding.tensors.end(), [](const at::Tensor& tensor) {
    return !tensor.is_floating_point() || tensor.scalar_type() == at::kDouble;
  });
  const double limit = exact ? 1e-9 : 1e-3;
  std::ostringstream wrong;
  for (const auto& [label, relative, tensors] : symmetry_errors(binding, forward, rng)) {
    if (relative <= limit) continue;
    wrong << "\n  '" << label << "': outputs change by " << relative << " of the largest. It stands in";
    for (const auto& name : tensors) wrong << (name == tensors.front() ? " " : ", ") << name;
  }
  if (wrong.str().empty()) return;
  wrong << "\nThe limit is " << limit
        << ". Put the label on every axis that moves with it, or write '~' where the order matters.";
  throw Error("binding", "The description claims symmetries that the network does not have:" + wrong.str());
}

}  // namespace nfopt
