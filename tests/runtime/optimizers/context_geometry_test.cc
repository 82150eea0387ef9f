#include <gtest/gtest.h>
#include <nfopt/runtime/optimizers/context_geometry.h>

#include <utility>
#include <vector>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

std::vector<int> roles_of(std::vector<TensorDescription> tensors) {
  std::vector<int> roles;
  for (const ContextTensor& t : context_tensors(WeightSpace(std::move(tensors)))) roles.push_back(t.role);
  return roles;
}

TEST(ContextGeometry, WeightsOfUnitsThatNobodyReadsHaveARoleOfTheirOwn) {
  using testing::tensor;
  const auto biased = [](const char* name, const char* axes, int64_t size) {
    return testing::with(tensor(name, {size}, axes), [](TensorDescription& t) { t.role = Role::bias; });
  };
  const auto table = [](const char* axes) {
    return testing::with(tensor("embedding", {7, 4}, axes), [](TensorDescription& t) { t.role = Role::table; });
  };
  EXPECT_EQ(roles_of({table("[~v, e]"), tensor("ih", {5, 4}, "[h, e]"), tensor("hh", {5, 5}, "[h, h]"),
                      biased("b", "[h]", 5), tensor("head", {7, 5}, "[~o, h]"), biased("head.b", "[~o]", 7)}),
            (std::vector<int>{0, 0, 0, 1, 3, 1}));
  // The same words on both sides: who looks them up writes units that are read as well.
  EXPECT_EQ(roles_of({table("[~v, e]"), tensor("ih", {5, 4}, "[h, e]"), tensor("head", {7, 5}, "[~v, h]")}),
            (std::vector<int>{0, 0, 3}));
  EXPECT_EQ(roles_of({tensor("only", {3, 5}, "[~o, ~i]")}), std::vector<int>{3});
}

}  // namespace
}  // namespace nfopt
