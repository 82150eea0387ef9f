#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tests/plugins/conformance.h>
#include <torch/torch.h>

namespace nfopt {
namespace {

using Values = std::map<std::string, OptionValue>;

constexpr double kTolerance = 1e-13;  // float64, cpu

ArchitecturePtr rnn() { return Registry::global().find("rnn"); }

Values options(const char* cell, Values more = {}) {
  more.insert({{"cell", std::string(cell)},
               {"input_size", int64_t{3}},
               {"hidden_size", int64_t{4}},
               {"output_size", int64_t{2}}});
  return more;
}

at::Tensor normal(std::vector<int64_t> shape, uint64_t seed) {
  at::Tensor t = at::empty(shape, at::kDouble);
  return fill_normal(t, Rng(seed), 0, 1);
}

// The space with other axes for one tensor, or without its views.
WeightSpacePtr with_axes(const WeightSpace& space, const std::string& name, const std::string& axes) {
  auto descriptions = space.descriptions();
  for (auto& tensor : descriptions) {
    if (tensor.name != name) continue;
    tensor.axes = axes;
    tensor.views.clear();
    return std::make_shared<const WeightSpace>(descriptions);
  }
  throw std::logic_error("no tensor " + name);
}

double wrong_axes_error(const Values& values, const std::string& name, const std::string& axes) {
  const Instance instance = instantiate(rnn(), values);
  return testing::symmetry_error(with_axes(*instance.space, name, axes), *make_network(instance), {5, 3}, Rng(3));
}

TEST(Rnn, EveryExampleConforms) {
  EXPECT_GE(rnn()->examples().size(), 10u);
  testing::expect_conformance_of_examples(rnn());
}

// Names and layouts are torch's, so that its own functions run on our parameters in the order of the description.
TEST(Rnn, ComputesWhatTorchsModulesCompute) {
  const at::Tensor x = normal({1, 6, 5, 3}, 1);
  for (const std::string cell : {"lstm", "gru", "rnn_tanh", "rnn_relu"}) {
    for (const bool bidirectional : {false, true}) {
      for (const bool bias : {false, true}) {
        const Instance instance = instantiate(
            rnn(), options(cell.c_str(), {{"layers", int64_t{2}}, {"bidirectional", bidirectional}, {"bias", bias}}));
        const auto network = make_network(instance);
        Members w = testing::random_members(instance.space, *network, 2, Rng(1));
        for (int64_t p = 0; p < 2; ++p) {
          std::vector<at::Tensor> own;
          for (const auto& tensor : w.space()->tensors()) {
            if (!tensor.name.starts_with("head")) own.push_back(w[tensor.name][p]);
          }
          const at::Tensor start = at::zeros({bidirectional ? 4 : 2, 6, 4}, at::kDouble);
          const at::Tensor top =
              cell == "lstm"
                  ? std::get<0>(at::lstm(x[0], {start, start}, own, bias, 2, 0.0, false, bidirectional, true))
              : cell == "gru" ? std::get<0>(at::gru(x[0], start, own, bias, 2, 0.0, false, bidirectional, true))
              : cell == "rnn_tanh"
                  ? std::get<0>(at::rnn_tanh(x[0], start, own, bias, 2, 0.0, false, bidirectional, true))
                  : std::get<0>(at::rnn_relu(x[0], start, own, bias, 2, 0.0, false, bidirectional, true));
          const at::Tensor expected =
              at::linear(top, w["head.weight"][p], bias ? w["head.bias"][p] : at::zeros({2}, at::kDouble));
          EXPECT_LT((network->forward(w, x, Pass{})[p] - expected).abs().max().item<double>(), kTolerance)
              << cell << (bidirectional ? " bidirectional" : "") << (bias ? "" : " without bias");
        }
      }
    }
  }
}

TEST(Rnn, NamesItsParametersAsTorchDoes) {
  torch::nn::LSTM module(torch::nn::LSTMOptions(3, 4).num_layers(2).bidirectional(true).proj_size(2));
  NamedShapes shapes;
  for (const auto& item : module->named_parameters()) shapes.emplace_back(item.key(), item.value().sizes().vec());
  const Instance instance = instantiate(
      rnn(), options("lstm", {{"layers", int64_t{2}}, {"bidirectional", true}, {"projection", int64_t{2}}}));
  NamedShapes described;
  for (const auto& tensor : instance.space->tensors()) {
    if (!tensor.name.starts_with("head")) described.emplace_back(tensor.name, tensor.shape);
  }
  std::sort(shapes.begin(), shapes.end());
  std::sort(described.begin(), described.end());
  EXPECT_EQ(described, shapes);
}

TEST(Rnn, AnIrnnBeginsAsTheIdentity) {
  const Instance instance = instantiate(rnn(), options("irnn"));
  const auto network = make_network(instance);
  Members w = Members::zeros(instance.space, 2, at::kDouble);
  network->initialize(w, Rng(1));
  EXPECT_TRUE(at::equal(w["weight_hh_l0"], at::eye(4, at::kDouble).expand({2, 4, 4})));
  EXPECT_EQ(w["bias_hh_l0"].abs().max().item<double>(), 0.0);
  EXPECT_GT(w["weight_ih_l0"].abs().max().item<double>(), 0.0);
}

TEST(Rnn, ReadsTheStateAfterTheWholeSequenceInBothDirections) {
  const Values both = {{"bidirectional", true}};
  Values last = both;
  last["readout"] = std::string("final_state");
  const Instance every = instantiate(rnn(), options("gru", both)), final = instantiate(rnn(), options("gru", last));
  const auto network = make_network(every);
  Members w = testing::random_members(every.space, *network, 2, Rng(1));
  Members same(final.space, w.tensors());
  const at::Tensor x = normal({1, 6, 5, 3}, 1);
  const at::Tensor steps = network->forward(w, x, Pass{}), y = make_network(final)->forward(same, x, Pass{});
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{2, 6, 2}));
  // A sequence of one step is both its first and its last.
  EXPECT_LT((make_network(final)->forward(same, x.narrow(2, 0, 1), Pass{}) -
             network->forward(w, x.narrow(2, 0, 1), Pass{}).select(2, 0))
                .abs()
                .max()
                .item<double>(),
            kTolerance);
  EXPECT_GT((y - steps.select(2, -1)).abs().max().item<double>(), 1e-3);
  EXPECT_EQ(make_network(final)->forward(same, x.flatten(2), Pass{}).sizes(), y.sizes());  // steps end to end
}

TEST(Rnn, AFreshLabelForTheRecurrentColumnsIsNotASymmetry) {
  EXPECT_GT(wrong_axes_error(options("lstm"), "weight_hh_l0", "[[*4, h_l0=4], other=4]"), 1e-3);
  EXPECT_LT(wrong_axes_error(options("lstm"), "weight_hh_l0", "[[*4, h_l0=4], h_l0]"), 1e-10);
}

TEST(Rnn, GatesMayNotBePermutedApart) {
  EXPECT_GT(wrong_axes_error(options("gru"), "weight_ih_l0", "[[gate=3, h_l0=4], ~in=3]"), 1e-3);
  EXPECT_GT(wrong_axes_error(options("gru"), "weight_ih_l0", "[[*3, u=4], ~in=3]"), 1e-3);
}

TEST(Rnn, SwappedFactorsOfTheGatesAreNotASymmetry) {
  EXPECT_GT(wrong_axes_error(options("lstm"), "bias_ih_l0", "[[h_l0=4, *4]]"), 1e-3);
}

TEST(Rnn, ALearnedStateBelongsToItsOwnLayer) {
  const Values values = options("gru", {{"learned_state", true}, {"layers", int64_t{2}}});
  EXPECT_GT(wrong_axes_error(values, "h0", "[*2, *1, h_l0=4]"), 1e-3);
}

TEST(Rnn, TheTwoDirectionsAreNotOneLabel) {
  const Values values = options("lstm", {{"bidirectional", true}, {"layers", int64_t{2}}});
  EXPECT_GT(wrong_axes_error(values, "head.weight", "[~out=2, h_l1_reverse=4 | h_l1=4]"), 1e-3);
  EXPECT_GT(wrong_axes_error(values, "weight_ih_l1", "[[*4, h_l1=4], h_l0=4 | h_l0]"), 1e-3);
}

TEST(Rnn, ListsEveryOptionOutOfRange) {
  try {
    instantiate(rnn(), {{"cell", std::string("gru")},
                        {"input_size", int64_t{0}},
                        {"hidden_size", int64_t{4}},
                        {"projection", int64_t{2}}});
    FAIL() << "accepted a GRU with a projection";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part :
         {"input_size is at least 1, received 0", "output_size", "projection belongs to cell = lstm"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
}

TEST(Rnn, SaysWhatItExpectsOfAnInput) {
  const Instance instance = instantiate(rnn(), options("gru"));
  const auto network = make_network(instance);
  Members w = Members::zeros(instance.space, 2, at::kDouble);
  for (const auto& shape : {std::vector<int64_t>{1, 6, 5, 4}, {1, 6, 5}, {3}, {3, 6, 5, 3}}) {
    EXPECT_THROW(network->forward(w, at::zeros(shape, at::kDouble), Pass{}), Error) << at::IntArrayRef(shape);
  }
}

}  // namespace
}  // namespace nfopt
