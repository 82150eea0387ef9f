// Every layer of nfn 0.1.2: the published state dict goes in unchanged, outputs and gradients come out.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/io_sinusoidal_encoding.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>
#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/layers/nfn/weight_space_features.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"
#include "tests/golden/nfn_modules.h"
#include "tests/golden/nfn_run.h"

namespace nfopt::golden {
namespace {

using Features = std::vector<at::Tensor>;

void load_published(const GoldenCase& golden, torch::nn::Module& module, NfnRun& run) {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : golden.tensors)
    if (name.compare(0, 6, "param.") == 0) state.emplace(name.substr(6), tensor);
  module.to(at::kDouble);
  module.eval();
  load_state_dict(module, state);
  for (const auto& p : module.named_parameters()) run.parameters.emplace(p.key(), p.value());
}

// `forward` maps features or a tensor to features or a tensor; which of both, `kind` says.
template <class Module>
void run_module(const GoldenCase& golden, Module& module, NfnRun& run) {
  const std::string kind = golden.info.at("kind");
  const bool tensor_in = kind.rfind("tensor->", 0) == 0, tensor_out = kind.find("->tensor") != std::string::npos;
  auto finish = [&](const at::Tensor& y) { run.outputs["out"] = y.squeeze(0); };
  auto finish_features = [&](const Features& y) {
    const auto out = WeightSpaceFeatures::from_order(y);
    run.put("out", out.weights(), out.biases());
  };
  if (tensor_in) {
    const at::Tensor x = run.input(golden, "in").unsqueeze(0);
    return tensor_out ? finish(module.template forward<at::Tensor>(x))
                      : finish_features(module.template forward<Features>(x));
  }
  const auto [weights, biases] = run.features(golden, "in");
  const Features x = WeightSpaceFeatures(weights, biases).in_order();
  return tensor_out ? finish(module.template forward<at::Tensor>(x))
                    : finish_features(module.template forward<Features>(x));
}

// Counts that the classes of nfn answer.
void expect_counts(const GoldenCase& golden, const NfnRun& run, const torch::nn::Module& module) {
  if (!golden.info.contains("expected")) return;
  const auto& expected = golden.info.at("expected");
  if (expected.contains("num_out_chan")) {
    EXPECT_EQ(dynamic_cast<const IOSinusoidalEncodingImpl&>(module).num_out_chan(golden.info.at("channels_in")),
              expected.at("num_out_chan").get<int64_t>());
  }
  if (!expected.contains("num_outs")) return;
  const int64_t width = run.outputs.at("out").size(-1);
  bool wrong_in_nfn = false;  // HNPPool of one layer
  int64_t outs = 0;
  if (const auto* pool = dynamic_cast<const HNPPoolImpl*>(&module)) {
    outs = pool->num_outs();
    wrong_in_nfn = golden.info.at("network_spec").at("weight_shapes").size() == 1;
  } else if (const auto* np_pool = dynamic_cast<const NPPoolImpl*>(&module)) {
    outs = np_pool->num_outs();
  } else {
    outs = dynamic_cast<const StatFeaturizerImpl&>(module).num_outs();
  }
  EXPECT_EQ(outs, width);
  if (!wrong_in_nfn) {
    EXPECT_EQ(outs, expected.at("num_outs").get<int64_t>());
  }
}

void check_layer(const GoldenCase& golden) {
  NfnRun run;
  const std::string layer = golden.info.at("layer");
  auto module = nfn_module(layer, golden.info.at("options"), nfn_space(golden.info.at("network_spec")));
  load_published(golden, *module.ptr(), run);
  run_module(golden, module, run);
  expect_published(golden, run);
  expect_counts(golden, run, *module.ptr());
}

void check_sequence(const GoldenCase& golden) {
  NfnRun run;
  const WeightSpacePtr space = nfn_space(golden.info.at("network_spec"));
  torch::nn::Sequential network;
  for (const auto& item : golden.info.at("options").at("sequence"))
    network->push_back(nfn_module(item.at("layer"), item.at("options"), space));
  load_published(golden, *network, run);
  run_module(golden, *network, run);
  expect_published(golden, run);
  EXPECT_EQ(HNPPoolImpl::get_num_outs(space), golden.info.at("expected").at("num_outs").get<int64_t>());
}

const bool registered = [] {
  for (const char* layer : {"NPLinear",
                            "HNPLinear",
                            "Pointwise",
                            "NPPool",
                            "HNPPool",
                            "ChannelLinear",
                            "NPAttention",
                            "TupleOp",
                            "ResBlock",
                            "StatFeaturizer",
                            "LearnedScale",
                            "FlattenWeights",
                            "UnflattenWeights",
                            "CrossAttnEncoder",
                            "CrossAttnDecoder",
                            "ChannelLayerNorm",
                            "SimpleLayerNorm",
                            "ParamLayerNorm",
                            "ChannelDropout",
                            "GaussianFourierFeatureTransform",
                            "IOSinusoidalEncoding",
                            "LearnedPosEmbedding"})
    register_golden_kind("nfn", layer, check_layer);
  return register_golden_kind("nfn", "NFN", check_sequence);
}();

}  // namespace
}  // namespace nfopt::golden
