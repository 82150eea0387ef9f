#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/tensor_bytes.h>
#include <torch/types.h>

namespace nfopt {
namespace {

NamedTensors some_tensors() {
  NamedTensors tensors;
  tensors.add("chunk.3.weights", torch::arange(24, at::kFloat).view({2, 3, 4}).transpose(0, 2));
  tensors.add("done", torch::tensor({true, false}, at::kBool));
  tensors.add("nothing", torch::zeros({0, 5}, at::kDouble));
  tensors.add("step", torch::tensor(int64_t{-7}, at::kLong));
  return tensors;
}

TEST(TensorBytes, ComeBackWithTheSameNamesTypesShapesAndBits) {
  const NamedTensors before = some_tensors();
  const NamedTensors after = tensors_from_bytes(to_bytes(before));
  ASSERT_EQ(after.size(), before.size());
  auto other = after.begin();
  for (const auto& [name, tensor] : before) {
    EXPECT_EQ(other->first, name);
    EXPECT_EQ(other->second.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(other->second, tensor)) << name;
    ++other;
  }
  EXPECT_EQ(tensors_from_bytes("").size(), 0u);
}

TEST(TensorBytes, CutShortAnywhereButBetweenTensorsIsAnError) {
  const std::string bytes = to_bytes(some_tensors());
  int wholes = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    try {
      tensors_from_bytes(std::string_view(bytes).substr(0, length));
      ++wholes;
    } catch (const Error&) {
    }
  }
  EXPECT_EQ(wholes, 4) << "nothing, and after each tensor but the last";
}

}  // namespace
}  // namespace nfopt
