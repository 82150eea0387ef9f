// The short pieces of C++ in docs/, word for word (shows_compiled_code.cmake compares them): that they compile, and do
// what their page says.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/layers/role_tied_predictor.h>
#include <nfopt/nflayers/layers/unf_pool.h>
#include <nfopt/runtime/io/safetensors.h>
#include <torch/torch.h>

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

/// The pages name files without a folder.
class InAFolderOfItsOwn : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

 private:
  fs::path before_ = fs::current_path();
  fs::path folder_ = fs::temp_directory_path() / ("nfopt_documented_code_" + std::to_string(::getpid()));
};

/// 3 networks with one channel.
std::vector<at::Tensor> networks(const WeightSpace& space, int64_t channels = 1) {
  std::vector<at::Tensor> x;
  for (const Tensor& t : space.tensors()) {
    std::vector<int64_t> sizes = {1, 3, channels};
    sizes.insert(sizes.end(), t.shape.begin(), t.shape.end());
    x.push_back(at::randn(sizes));
  }
  return x;
}

WeightSpacePtr perceptron(int64_t hidden) {
  return NetworkSpec({{{hidden, 4}}, {{3, hidden}}}, {{{hidden}}, {{3}}}).weight_space();
}

WeightSpacePtr convolutions() {
  return NetworkSpec({{{4, 3, 3, 3}}, {{5, 4, 3, 3}}, {{2, 5}}}, {{{4}}, {{5}}, {{2}}}).weight_space();
}

TEST(NeuralFunctionalsPage, BeginsWithASequenceThatRuns) {
  const WeightSpacePtr space = convolutions();
  const auto weights = networks(*space);
  torch::nn::Sequential nfn(NPLinear(NPLinearOptions(space, 1, 32).io_embed(true)), TupleOp(torch::nn::ReLU()),
                            NPLinear(NPLinearOptions(space, 32, 32).io_embed(true)), TupleOp(torch::nn::ReLU()),
                            HNPPool(space), torch::nn::Flatten(torch::nn::FlattenOptions().start_dim(-2)),
                            torch::nn::Linear(32 * HNPPoolImpl::get_num_outs(space), 1));
  torch::Tensor y = nfn->forward<torch::Tensor>(weights);
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{1, 3, 1}));
}

TEST(NeuralFunctionalsPage, ShowsANetworkForEveryArchitecture) {
  const WeightSpacePtr space = convolutions();
  torch::nn::Sequential heterogeneous(TupleOp(ChannelLinear(ChannelLinearOptions(1, 32))), UnfPool(space),
                                      TupleOp(ChannelLinear(ChannelLinearOptions(32, 32))), TupleOp(torch::nn::ReLU()),
                                      TupleOp(ChannelLinear(ChannelLinearOptions(32, 32))), UnfPool(space),
                                      TupleOp(ChannelLinear(ChannelLinearOptions(32, 1))));
  const auto x = networks(*space), y = heterogeneous->forward<std::vector<at::Tensor>>(x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i].sizes(), y[i].sizes());
}

using StateDictsOfNfn = InAFolderOfItsOwn;

// A state dict that nfn 0.1.2 wrote, on its way from a file into the layer.
TEST_F(StateDictsOfNfn, LoadFromSafetensors) {
  const SafetensorsFile golden = read_safetensors(fs::path(NFOPT_GOLDEN_NFN) / "HNPLinear__mlp3.safetensors");
  SafetensorsFile state;
  std::vector<ArraySpec> weights, biases;
  std::vector<at::Tensor> x, expected;
  const std::string prefix = "param.";
  for (const auto& [name, tensor] : golden.tensors)
    if (name.starts_with(prefix)) state.tensors.emplace_back(name.substr(prefix.size()), tensor);
  for (int i = 0; i < 3; ++i) {
    for (const char* kind : {"weight.", "bias."}) {
      x.push_back(golden.find("in." + (kind + std::to_string(i)))->unsqueeze(0));
      expected.push_back(golden.find("out." + (kind + std::to_string(i)))->unsqueeze(0));
      (x.size() % 2 == 1 ? weights : biases).push_back({x.back().sizes().slice(3).vec()});
    }
  }
  HNPLinear layer(HNPLinearOptions(NetworkSpec(weights, biases).weight_space(), x[0].size(2), expected[0].size(2)));
  layer->to(torch::kDouble);
  write_safetensors("layer.safetensors", state);

  load_state_dict(*layer, read_safetensors("layer.safetensors").tensors);

  const auto y = layer->forward(x);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_LE((y[i] - expected[i]).abs().max().item<double>(), 1e-10) << i;
}

TEST(RoleTiedPage, ShowsOneDictionaryOnTwoArchitectures) {
  const WeightSpacePtr mlp_space = perceptron(6), cnn_space = convolutions();
  const auto x = networks(*mlp_space, 8);
  ::testing::internal::CaptureStdout();
  nfopt::RoleTiedLinear layer(nfopt::RoleTiedLinearOptions(mlp_space, 8, 8).seed(7));
  auto y = layer->forward(x);  // [P, B, 8, shape...] per tensor

  nfopt::RoleTiedLinear other(nfopt::RoleTiedLinearOptions(cnn_space, 8, 8));
  other->load_dictionary(layer->dictionary());
  std::cout << other->describe();  // keys that were never trained are zero, and listed
  EXPECT_EQ(y[0].sizes(), (at::IntArrayRef{1, 3, 8, 6, 4}));
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("never trained, zero:"), std::string::npos);
}

TEST(RoleTiedPage, ShowsOnePredictorForABatchOfSeveralArchitectures) {
  const WeightSpacePtr mlp_space = perceptron(6), cnn_space = convolutions(), wide_space = perceptron(9);
  const auto mlps = networks(*mlp_space), cnns = networks(*cnn_space), wide_mlps = networks(*wide_space);
  nfopt::RoleTiedPredictor predictor(nfopt::RoleTiedPredictorOptions({mlp_space, cnn_space}, {1, 32, 32}, 64, 1));
  auto y = predictor->forward({{mlp_space, mlps}, {cnn_space, cnns}});  // [P, all networks, 1]
  auto z = predictor->forward({{wide_space, wide_mlps}});               // an architecture that it was not made for
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{1, 6, 1}));
  EXPECT_EQ(z.sizes(), (at::IntArrayRef{1, 3, 1}));
}

}  // namespace
}  // namespace nfopt
