// The functions and containers of nfn 0.1.2.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/layers/nfn/fourier_encode.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/simple_attention.h>
#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>
#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"
#include "tests/golden/nfn_modules.h"
#include "tests/golden/nfn_run.h"

namespace nfopt::golden {
namespace {

WeightSpaceFeatures read(const GoldenCase& golden, NfnRun& run, const std::string& prefix) {
  auto [weights, biases] = run.features(golden, prefix);
  return {std::move(weights), std::move(biases)};
}

void put(NfnRun& run, const std::string& prefix, const WeightSpaceFeatures& features) {
  run.put(prefix, features.weights(), features.biases());
}

void check_fourier_encode(const GoldenCase& golden) {
  NfnRun run;
  run.outputs["out"] =
      fourier_encode(run.input(golden, "in"), golden.option("max_freq", 0.0), golden.option<int64_t>("num_bands", 0));
  expect_published(golden, run);
}

void check_simple_attention(const GoldenCase& golden) {
  NfnRun run;
  run.outputs["out"] =
      simple_attention(run.input(golden, "in.q"), run.input(golden, "in.k"), run.input(golden, "in.v"));
  expect_published(golden, run);
}

void check_fold(const GoldenCase& golden) {
  NfnRun run;
  const FeatureViews views(*nfn_space(golden.info.at("network_spec")), Fold::fixed());
  const auto folded = views.fold(read(golden, run, "in").in_order());
  put(run, "out.folded", WeightSpaceFeatures::from_order(folded));
  put(run, "out.unfolded", WeightSpaceFeatures::from_order(views.unfold(folded)));
  expect_published(golden, run);
}

void check_flatten_unflatten(const GoldenCase& golden) {
  NfnRun run;
  const WeightSpacePtr space = nfn_space(golden.info.at("network_spec"));
  const at::Tensor flat = FlattenWeights(space)->forward(read(golden, run, "in").in_order());
  run.outputs["out.flat"] = flat.squeeze(0);
  put(run, "out", WeightSpaceFeatures::from_order(UnflattenWeights(space)->forward(flat)));
  expect_published(golden, run);
}

void check_features(const GoldenCase& golden) {
  NfnRun run;
  const auto a = read(golden, run, "in.a"), b = read(golden, run, "in.b");
  EXPECT_EQ(a.size(), golden.info.at("expected").at("len").get<size_t>());
  put(run, "out.add", a + b);
  put(run, "out.mul", a * b);
  put(run, "out.mul_scalar", a * 2.5);
  put(run, "out.map_square", a.map([](const at::Tensor& t) { return t * t; }));
  put(run, "out.from_zipped_b", WeightSpaceFeatures::from_zipped(b.zipped()));
  std::tie(run.outputs["out.getitem_last.weight"], run.outputs["out.getitem_last.bias"]) = a[-1];
  expect_published(golden, run);
}

void check_spec(const GoldenCase& golden) {
  NfnRun run;
  const auto features = read(golden, run, "in");
  const WeightSpacePtr space = network_spec_from_wsfeat(features, true).weight_space();
  for (const bool all : {false, true}) {
    const auto spec = network_spec_from_wsfeat(features, all);
    const auto& expected = golden.info.at("expected").at(all ? "set_all_dims" : "default");
    EXPECT_EQ(spec.size(), expected.at("len").get<size_t>());
    const std::vector<int64_t> io = expected.at("get_io");
    EXPECT_EQ(spec.get_io(), std::pair(io[0], io[1]));
    for (size_t i = 0; i < spec.size(); ++i) {
      EXPECT_EQ(spec.weight_spec()[i].shape, expected.at("weight_spec")[i].get<std::vector<int64_t>>());
      EXPECT_EQ(spec.bias_spec()[i].shape, expected.at("bias_spec")[i].get<std::vector<int64_t>>());
    }
    if (expected.at("get_num_params").is_number()) {
      EXPECT_EQ(spec.get_num_params(), expected.at("get_num_params").get<int64_t>());
    } else {
      EXPECT_THROW(spec.get_num_params(), Error);
    }
    EXPECT_EQ(NPPoolImpl::get_num_outs(space), expected.at("NPPool.get_num_outs").get<int64_t>());
    EXPECT_EQ(StatFeaturizerImpl::get_num_outs(space), expected.at("StatFeaturizer.get_num_outs").get<int64_t>());
    if (spec.size() == 1) continue;  // nfn's number is wrong for one layer
    EXPECT_EQ(HNPPoolImpl::get_num_outs(space), expected.at("HNPPool.get_num_outs").get<int64_t>());
  }
}

void check_func_params(const GoldenCase& golden) {
  NfnRun run;
  const auto params = params_to_func_params(read(golden, run, "in"));
  for (size_t i = 0; i < params.size(); ++i) run.outputs["out." + std::to_string(i)] = params[i];
  expect_published(golden, run);
}

void check_to_state_dicts(const GoldenCase& golden) {
  NfnRun run;
  const auto keys = golden.option<std::vector<std::string>>("keys", {});
  const auto dicts = params_to_state_dicts(keys, read(golden, run, "in"));
  for (size_t b = 0; b < dicts.size(); ++b)
    for (const auto& item : dicts[b]) run.outputs["out." + std::to_string(b) + "." + item.key()] = item.value();
  expect_published(golden, run);
}

void check_from_state_dicts(const GoldenCase& golden) {
  NfnRun run;
  const auto keys = golden.option<std::vector<std::string>>("keys", {});
  std::vector<WeightSpaceFeatures> networks;
  for (int64_t b = 0; b < golden.info.at("batch").get<int64_t>(); ++b) {
    StateDict dict;
    for (const std::string& key : keys) dict.insert(key, golden.tensor("in." + std::to_string(b) + "." + key));
    networks.push_back(state_dict_to_tensors(dict));
    put(run, "out." + std::to_string(b), networks.back());
  }
  put(run, "out.collated", collate(networks));
  expect_published(golden, run);
}

const bool registered = register_golden_kind("nfn", "fourier_encode", check_fourier_encode) &&
                        register_golden_kind("nfn", "simple_attention", check_simple_attention) &&
                        register_golden_kind("nfn", "shape_wsfeat_symmetry", check_fold) &&
                        register_golden_kind("nfn", "FlattenUnflatten", check_flatten_unflatten) &&
                        register_golden_kind("nfn", "WeightSpaceFeatures", check_features) &&
                        register_golden_kind("nfn", "network_spec_from_wsfeat", check_spec) &&
                        register_golden_kind("nfn", "params_to_func_params", check_func_params) &&
                        register_golden_kind("nfn", "params_to_state_dicts", check_to_state_dicts) &&
                        register_golden_kind("nfn", "state_dict_to_tensors", check_from_state_dicts);

}  // namespace
}  // namespace nfopt::golden
