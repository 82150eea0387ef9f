#include <nfopt/runtime/binding/symmetry_check.h>

#include "tests/runtime/binding/networks.h"

namespace nfopt {
namespace {

WeightSpacePtr with_axes(size_t tensor, const std::string& axes) {
  auto tensors = two_layer_space()->descriptions();
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].shape = two_layer_space()->tensors()[i].shape;
  tensors[tensor].axes = axes;
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

struct LiveNetwork : ::testing::Test {
  LiveNetwork() { net.to(at::kDouble); }
  at::Tensor outputs() { return net.forward(at::arange(10, at::kDouble).sin().reshape({2, 5})); }
  TwoLayers net;
};

TEST_F(LiveNetwork, KeepsItsFunctionUnderATrueDescription) {
  const Binding binding = nfopt::bind(net, two_layer_space());
  const auto errors = symmetry_errors(
      binding, [&] { return outputs(); }, Rng(1));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].label, "h");
  EXPECT_LE(errors[0].relative, 1e-14);  // float64, cpu
  EXPECT_EQ(errors[0].tensors, (std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight"}));
  EXPECT_NO_THROW(require_symmetries(
      binding, [&] { return outputs(); }, Rng(2)));
}

TEST_F(LiveNetwork, NamesTheLabelsOfAWrongDescriptionAndIsLeftAsItWas) {
  const auto before = net.parameters()[2].detach().clone();
  // The hidden units of one tensor would move alone; the outputs are claimed to have no order.
  const Binding alone = nfopt::bind(net, with_axes(2, "[~out=3, other=4]"));
  expect_error(
      [&] {
        require_symmetries(
            alone, [&] { return outputs(); }, Rng(3));
      },
      {"'h': outputs change by", "It stands in layers.0.weight, layers.0.bias", "'other': outputs change",
       "layers.1.weight", "'~'"});
  const Binding unordered = nfopt::bind(net, with_axes(3, "[classes=3]"));
  expect_error(
      [&] {
        require_symmetries(
            unordered, [&] { return outputs(); }, Rng(4));
      },
      {"'classes'", "layers.1.bias"});
  EXPECT_TRUE(at::equal(before, net.parameters()[2]));

  const Binding binding = nfopt::bind(net, two_layer_space());
  int calls = 0;
  EXPECT_ANY_THROW(symmetry_errors(
      binding, [&]() -> at::Tensor { return ++calls < 3 ? outputs() : throw std::runtime_error("user"); }, Rng(5)));
  EXPECT_TRUE(at::equal(before, net.parameters()[2]));
}

TEST_F(LiveNetwork, ChanceInTheForwardPassIsNoticed) {
  const Binding binding = nfopt::bind(net, two_layer_space());
  int calls = 0;
  expect_error(
      [&] {
        symmetry_errors(
            binding, [&] { return outputs() + ++calls; }, Rng(6));
      },
      {"eval mode"});
}

}  // namespace
}  // namespace nfopt
