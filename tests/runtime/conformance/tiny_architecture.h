#pragma once

#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nfopt::testing {

using Forward = std::function<at::Tensor(Members& w, const at::Tensor& x, const Pass& pass)>;

/// Not `linear`: argument lookup would find at::linear, too.
inline at::Tensor affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {}) {
  return ops::linear(x, weight, bias);
}

/// A network as a function and a description as text: right or wrong, as a test wants it.
class TinyArchitecture final : public TrainableArchitecture {
 public:
  TinyArchitecture(std::vector<TensorDescription> tensors, std::vector<int64_t> input, Forward forward)
      : tensors_(std::move(tensors)), input_(std::move(input)), forward_(std::move(forward)) {}

  ArchitectureInfo info() const override { return {.name = "tiny", .summary = "of a test", .options = {}}; }
  std::vector<TensorDescription> describe(const Options&) const override { return tensors_; }
  std::vector<Example> examples() const override { return {{.name = "only", .options = {}, .input_shape = input_}}; }
  std::unique_ptr<Network> network(const Options&) const override { return std::make_unique<TinyNetwork>(forward_); }

 private:
  class TinyNetwork final : public Network {
   public:
    explicit TinyNetwork(Forward forward) : forward_(std::move(forward)) {}
    void initialize(Members& members, const Rng& rng) const override {
      for (size_t i = 0; i < members.tensors().size(); ++i)
        for (int64_t p = 0; p < members.size(); ++p) {
          at::Tensor own = members.tensors()[i][p];
          const auto& tensor = members.space()->tensors()[i];
          fill_normal(own, rng.purpose(tensor.name).index(static_cast<uint64_t>(p)), 0.0, 0.5);
          if (tensor.kind == Kind::buffer) own.abs_();
        }
    }
    at::Tensor forward(Members& members, const at::Tensor& x, const Pass& pass) const override {
      return forward_(members, x, pass);
    }

   private:
    Forward forward_;
  };

  std::vector<TensorDescription> tensors_;
  std::vector<int64_t> input_;
  Forward forward_;
};

inline TensorDescription tensor(std::string name, std::string axes, Kind kind = Kind::parameter) {
  TensorDescription description;
  description.name = std::move(name);
  description.axes = std::move(axes);
  description.kind = kind;
  return description;
}

/// What one conformance test says about an architecture.
struct Said {
  std::string failures;  ///< "" when it passed
  std::string notes;
};

inline Said said(const std::string& test, const ArchitecturePtr& architecture) {
  Said said;
  conformance::Findings findings([&](const conformance::Finding& finding) {
    using Kind = conformance::Finding::Kind;
    if (finding.kind == Kind::failure) said.failures += finding.text + "\n";
    if (finding.kind == Kind::note) said.notes += finding.text + "\n";
  });
  const conformance::Subject subject{architecture, conformance::examples_of(architecture).front(), Rng(7)};
  conformance::run(conformance::conformance_test(test), subject, findings);
  return said;
}

}  // namespace nfopt::testing
