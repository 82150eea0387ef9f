#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <string>
#include <vector>

namespace nfopt::testing {

using Numbered = WeightSpace::NumberedTensor;

inline WeightSpace numbered(const std::vector<Numbered>& tensors) { return WeightSpace::from_numbered_labels(tensors); }

/// A chain of dense layers, kernels [in, out] as in the published code.
inline WeightSpace dense_chain(const std::vector<int64_t>& widths) {
  std::vector<Numbered> tensors;
  for (int64_t i = 0; i + 1 < static_cast<int64_t>(widths.size()); ++i) {
    tensors.push_back({"b" + std::to_string(i), {i + 1}, {widths[i + 1]}});
    tensors.push_back({"w" + std::to_string(i), {i, i + 1}, {widths[i], widths[i + 1]}});
  }
  return numbered(tensors);
}

/// The published two-block transformer, label collisions included: attention and MLP width share label 1 in a block,
/// and the residual label changes after each MLP.
inline WeightSpace published_transformer(int64_t vocabulary, int64_t stream, int64_t width) {
  std::vector<Numbered> tensors = {{"embed", {-1, 0}, {vocabulary, stream}}};
  auto matrix = [&](const std::string& name, int64_t in, int64_t in_size, int64_t out, int64_t out_size) {
    tensors.push_back({name + "/b", {out}, {out_size}});
    tensors.push_back({name + "/w", {in, out}, {in_size, out_size}});
  };
  auto norm = [&](const std::string& name, int64_t label) {
    tensors.push_back({name + "/offset", {label}, {stream}});
    tensors.push_back({name + "/scale", {label}, {stream}});
  };
  for (int64_t block = 0; block < 2; ++block) {
    const int64_t residual = 2 * block, inner = residual + 1, next = residual + 2;
    const std::string h = "h" + std::to_string(block);
    for (const char* part : {"key", "query", "value"}) matrix(h + "_attn/" + part, residual, stream, inner, width);
    matrix(h + "_attn/linear", inner, width, residual, stream);
    norm(h + "_ln_1", residual);
    norm(h + "_ln_2", residual);
    matrix(h + "_mlp/linear", residual, stream, inner, width);
    matrix(h + "_mlp/linear_1", inner, width, next, stream);
  }
  norm("h_f", 4);
  matrix("linear", 4, stream, -2, vocabulary);
  return numbered(tensors);
}

}  // namespace nfopt::testing
