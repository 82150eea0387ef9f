#include <nfopt/runtime/conformance/function_probe.h>
#include <torch/types.h>

#include <utility>

namespace nfopt::conformance {

FunctionProbe::FunctionProbe(const Network& network, WeightSpacePtr space, const Example& example, bool training,
                             const Rng& rng)
    : network_(&network),
      space_(std::move(space)),
      pass_{.training = training, .rng = rng.purpose("pass")},
      x_(random_input(example, 1, rng.purpose("x"))) {
  at::NoGradGuard no_grad;
  Members members = random_members(space_, network, 2, rng.purpose("members"));
  start_ = copy(members).tensors();
  y_ = network.forward(members, x_, pass_);
  written_ = members.tensors();
}

FunctionProbe::Error FunctionProbe::error(const GroupAction& g) const {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> moved;
  for (const auto& tensor : g(start_))
    moved.push_back(tensor.clone());  // what does not move is shared: keep it as it is
  Members members(space_, std::move(moved));
  const at::Tensor y = network_->forward(members, x_, pass_);
  Error worst{relative_error(y, y_), "the output"};
  if (!pass_.training) return worst;
  const std::vector<at::Tensor> expected = g(written_);
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& described = space_->tensors()[i];
    if (described.kind != Kind::buffer) continue;
    const double error = relative_error(members.tensors()[i], expected[i]);
    if (error > worst.relative) worst = {error, "buffer '" + described.name + "'"};
  }
  return worst;
}

}  // namespace nfopt::conformance
