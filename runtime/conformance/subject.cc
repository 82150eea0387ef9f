#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/conformance/subject.h>
#include <nfopt/runtime/network/trainable.h>
#include <torch/types.h>

#include <limits>
#include <utility>

namespace nfopt::conformance {

Built::Built(const Subject& subject)
    : instance(instantiate(subject.architecture, subject.example.options)), network(make_network(instance)) {}

at::Tensor random_normal(const std::vector<int64_t>& shape, const Rng& rng) {
  at::Tensor t = at::empty(shape, at::kDouble);
  return fill_normal(t, rng, 0.0, 1.0);
}

at::Tensor random_input(const Example& example, int64_t members, const Rng& rng) {
  std::vector<int64_t> shape = {members, kBatch};
  shape.insert(shape.end(), example.input_shape.begin(), example.input_shape.end());
  if (example.vocabulary == 0) return random_normal(shape, rng);
  at::Tensor tokens = at::empty(shape, at::kLong);
  int64_t* entry = tokens.data_ptr<int64_t>();
  for (int64_t i = 0; i < tokens.numel(); ++i) entry[i] = rng.integer(static_cast<uint64_t>(i), example.vocabulary);
  return tokens;
}

Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng) {
  at::NoGradGuard no_grad;
  Members members = Members::zeros(space, size, at::kDouble);
  network.initialize(members, rng.purpose("initialize"));
  for (size_t i = 0; i < space->tensors().size(); ++i) {
    const auto& tensor = space->tensors()[i];
    at::Tensor& values = members.tensors()[i];
    const at::Tensor noise = random_normal(values.sizes().vec(), rng.purpose("noise").purpose(tensor.name));
    values.add_(tensor.kind == Kind::buffer ? noise.abs() : noise, 0.1);
  }
  return members;
}

Members copy(const Members& members) {
  std::vector<at::Tensor> tensors;
  for (const auto& tensor : members.tensors()) tensors.push_back(tensor.detach().clone());
  return Members(members.space(), std::move(tensors));
}

Members member(const Members& all, int64_t p) {
  std::vector<at::Tensor> tensors;
  for (const auto& tensor : all.tensors()) tensors.push_back(tensor.detach().narrow(0, p, 1).clone());
  return Members(all.space(), std::move(tensors));
}

double largest(const at::Tensor& t) { return t.numel() == 0 ? 0.0 : t.abs().max().item<double>(); }

double relative_error(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (a.sizes() != b.sizes()) return kInfinite;
  const double difference = largest(a - b);
  if (difference == 0.0) return 0.0;
  const double error = difference / largest(b);
  return error < kInfinite ? error : kInfinite;  // not a number included
}

bool training_is_random(const Built& built, const Subject& subject) {
  at::NoGradGuard no_grad;
  const Members start = random_members(built.space(), *built.network, 1, subject.rng);
  const at::Tensor x = random_input(subject.example, 1, subject.rng.purpose("x"));
  Members first = copy(start), second = copy(start);
  const at::Tensor y = built.network->forward(first, x, {.training = true, .rng = subject.rng.purpose("first")});
  return !at::equal(y, built.network->forward(second, x, {.training = true, .rng = subject.rng.purpose("second")}));
}

}  // namespace nfopt::conformance
