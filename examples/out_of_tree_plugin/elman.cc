// Elman's recurrent network (Finding Structure in Time, 1990), PyTorch parameter names: a description without a
// network.
//
//   h_t = tanh(weight_ih x_t + bias_ih + weight_hh h_{t-1} + bias_hh)
//
// Rows and columns of weight_hh are the same units: they move with one permutation.

#include <nfopt/runtime/plugin/plugin.h>

#include <string>

namespace elman {
namespace {

using nfopt::Option;
using nfopt::Role;
using nfopt::TensorDescription;

TensorDescription tensor(const std::string& name, Role role, const std::string& axes) {
  TensorDescription description;
  description.name = name;
  description.role = role;
  description.block = "cell";
  description.axes = axes;
  return description;
}

class Elman final : public nfopt::Architecture {
 public:
  nfopt::ArchitectureInfo info() const override {
    return {.name = "elman",
            .summary = "Elman recurrent network, one label for all hidden units",
            .options = {{"input_size", Option::Type::integer, true, {}, "width of x, not a symmetry", {}},
                        {"hidden_size", Option::Type::integer, true, {}, "width of h", {}}}};
  }

  std::vector<TensorDescription> describe(const nfopt::Options& options) const override {
    const std::string h = "h=" + std::to_string(options.integer("hidden_size"));
    const std::string in = "~in=" + std::to_string(options.integer("input_size"));
    return {tensor("weight_ih_l0", Role::weight, "[" + h + ", " + in + "]"),
            tensor("weight_hh_l0", Role::weight, "[" + h + ", " + h + "]"),
            tensor("bias_ih_l0", Role::bias, "[" + h + "]"), tensor("bias_hh_l0", Role::bias, "[" + h + "]")};
  }

  std::vector<nfopt::Example> examples() const override {
    return {
        {.name = "small", .options = {{"input_size", int64_t{3}}, {"hidden_size", int64_t{5}}}, .input_shape = {}},
        {.name = "one_unit", .options = {{"input_size", int64_t{2}}, {"hidden_size", int64_t{1}}}, .input_shape = {}}};
  }
};

}  // namespace
}  // namespace elman

NFOPT_PLUGIN(elman::Elman, .id = "elman", .version = "1.0.0", .author = "Ada Example <ada@example.org>");
