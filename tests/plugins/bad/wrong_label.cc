// A right network with a wrong description: the hidden units of the second layer carry a label of their own.

#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/plugin/plugin.h>

namespace nfopt::testing {
namespace {

class TwoLayers final : public Network {
 public:
  void initialize(Members& members, const Rng& rng) const override {
    for (const char* name : {"first", "second"})
      for (int64_t p = 0; p < members.size(); ++p) {
        at::Tensor own = members[name][p];
        fill_normal(own, rng.purpose(name).index(static_cast<uint64_t>(p)), 0.0, 0.5);
      }
  }
  at::Tensor forward(Members& w, const at::Tensor& x, const Pass&) const override {
    return ops::linear(ops::linear(x, w["first"]).tanh(), w["second"]);
  }
};

class WrongLabel final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override { return {.name = "wrong_label", .summary = "of a test", .options = {}}; }
  std::vector<TensorDescription> describe(const Options&) const override {
    std::vector<TensorDescription> tensors(2);
    tensors[0].name = "first";
    tensors[0].axes = "[h=4, ~in=5]";
    tensors[1].name = "second";
    tensors[1].axes = "[~out=2, g=4]";
    return tensors;
  }
  std::vector<Example> examples() const override { return {{.name = "only", .options = {}, .input_shape = {5}}}; }
  std::unique_ptr<Network> network(const Options&) const override { return std::make_unique<TwoLayers>(); }
};

}  // namespace

NFOPT_PLUGIN(WrongLabel, .id = "wrong_label", .version = "1.0.0", .author = "Ada Example");

}  // namespace nfopt::testing
