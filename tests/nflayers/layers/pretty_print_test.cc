// What a module says about itself when it is printed.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/channel_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/cross_attention.h>
#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/relu.h>
#include <nfopt/nflayers/layers/role_pool.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/layers/unf_linear.h>
#include <nfopt/nflayers/layers/unf_pool.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/layers/unf_sequential.h>
#include <torch/torch.h>

#include <sstream>
#include <string>

#include "tests/nflayers/layers/network_families.h"

namespace nfopt {
namespace {

/// The module itself, without its children.
template <class Module>
std::string printed(const Module& module) {
  std::ostringstream text;
  text << *module;
  const std::string first_line = text.str().substr(0, text.str().find('\n'));
  return module->children().empty() ? first_line : first_line.substr(0, first_line.size() - 1);  // "(" opens the list
}

TEST(PrettyPrint, SaysTheOptionsThatMatter) {
  const WeightSpacePtr space = NetworkSpec({{{4, 3}}, {{2, 4}}}, {{{4}}, {{2}}}).weight_space();
  EXPECT_EQ(printed(UnfLinear(UnfLinearOptions(space, 2, 3))),
            "nfopt::UnfLinear(in_channels=2, out_channels=3, tensors=4, terms=32)");
  EXPECT_EQ(printed(UnfSequential(UnfSequentialOptions(space, {2, 3, 1}))), "nfopt::UnfSequential(channels=[2, 3, 1])");
  EXPECT_EQ(printed(UnfPredictor(UnfPredictorOptions(space, {2, 3}, 4, 1))),
            "nfopt::UnfPredictor(channels=[2, 3], hidden=4, outputs=1)");
  EXPECT_EQ(printed(UnfRelu()), "nfopt::UnfRelu()");
  EXPECT_EQ(printed(UnfPool(space)), "nfopt::UnfPool()");
  EXPECT_EQ(printed(CrossAttnEncoder(CrossAttnEncoderOptions(space, 4, 3))),
            "nfopt::CrossAttnEncoder(channels=4, num_latents=3)");
  EXPECT_EQ(printed(CrossAttnDecoder(CrossAttnDecoderOptions(space, 4))),
            "nfopt::CrossAttnDecoder(channels=4, num_params=26)");
  EXPECT_EQ(printed(FlattenWeights(space)), "nfopt::FlattenWeights()");
  EXPECT_EQ(printed(UnflattenWeights(space)), "nfopt::UnflattenWeights()");
  EXPECT_EQ(printed(ChannelLayerNorm(ChannelLayerNormOptions(4).eps(0.5))),
            "nfopt::ChannelLayerNorm(channels=4, eps=0.5)");
}

TEST(PrettyPrint, CountsTheKeysOfAllArchitectures) {
  const auto space = std::make_shared<const WeightSpace>(testing::mlp(3));
  const auto other = std::make_shared<const WeightSpace>(testing::mlp(6));
  EXPECT_EQ(printed(RoleTiedLinear(RoleTiedLinearOptions(space, 2, 3))),
            "nfopt::RoleTiedLinear(in_channels=2, out_channels=3, keys=53)");
  EXPECT_EQ(printed(RoleTiedLinear(RoleTiedLinearOptions(space, 2, 3).also({other}))),
            "nfopt::RoleTiedLinear(in_channels=2, out_channels=3, keys=56)");
  EXPECT_EQ(printed(RolePool(space)), "nfopt::RolePool()");
}

}  // namespace
}  // namespace nfopt
