#include <nfopt/runtime/network/members.h>
#include <torch/types.h>

#include "tests/errors.h"

namespace nfopt {
namespace {

using testing::message_of;

WeightSpacePtr space() {
  std::vector<TensorDescription> tensors(3);
  tensors[0].name = "a.weight";
  tensors[0].axes = "[h=2, ~in=3]";
  tensors[1].name = "a.bias";
  tensors[1].role = Role::bias;
  tensors[1].axes = "[h]";
  tensors[2].name = "a.mean";
  tensors[2].kind = Kind::buffer;
  tensors[2].role = Role::stat;
  tensors[2].axes = "[h]";
  return std::make_shared<const WeightSpace>(tensors);
}

TEST(Members, GiveTensorsByNameAndScope) {
  const Members members = Members::zeros(space(), 4, at::kFloat);
  EXPECT_EQ(members.size(), 4);
  EXPECT_EQ(members["a.weight"].sizes(), (std::vector<int64_t>{4, 2, 3}));
  EXPECT_TRUE(members.scope("a.")["bias"].is_same(members["a.bias"]));
  EXPECT_EQ(members.scope("a").full_name(".bias"), "a.bias");
}

TEST(Members, ShareTheirTensorsBetweenCopies) {
  Members members = Members::zeros(space(), 1, at::kFloat);
  Members copy = members.scope("a.");
  copy.buffer("mean") = at::ones({1, 2});
  EXPECT_EQ(members["a.mean"].sum().item<float>(), 2.0f);
}

TEST(Members, AMissListsTheNames) {
  const Members members = Members::zeros(space(), 1, at::kFloat);
  const std::string text = message_of([&] { members["a.wieght"]; });
  EXPECT_NE(text.find("Known: a.weight, a.bias, a.mean"), std::string::npos) << text;
  EXPECT_NE(text.find("Did you mean 'a.weight'?"), std::string::npos) << text;
}

TEST(Members, AParameterIsNotWrittenLikeABuffer) {
  Members members = Members::zeros(space(), 1, at::kFloat);
  EXPECT_NE(message_of([&] { members.buffer("a.bias"); }).find("is a parameter"), std::string::npos);
}

TEST(Members, NameEveryTensorThatDoesNotFit) {
  const std::string text = message_of([&] {
    Members(space(), {at::zeros({2, 2, 3}), at::zeros({3, 2}), at::Tensor()});
  });
  EXPECT_NE(text.find("'a.bias': expected [P, shape...] = [2, 2], received [3, 2]"), std::string::npos) << text;
  EXPECT_NE(text.find("'a.mean': expected [P, shape...] = [2, 2], received an undefined tensor"), std::string::npos)
      << text;
  EXPECT_NE(message_of([&] {
              Members(space(), {at::zeros({2, 2, 3})});
            }).find("expected 3, received 1"),
            std::string::npos);
  EXPECT_NE(message_of([&] { Members::zeros(space(), 0, at::kFloat); }).find("at least one member"), std::string::npos);
}

TEST(Members, MayBeExpandedViews) {
  const at::Tensor weight = at::ones({1, 2, 3}), rest = at::ones({1, 2});
  const Members pair(space(), {weight.expand({2, -1, -1}), rest.expand({2, -1}), rest.expand({2, -1})});
  EXPECT_EQ(pair["a.weight"].data_ptr(), weight.data_ptr());
}

}  // namespace
}  // namespace nfopt
