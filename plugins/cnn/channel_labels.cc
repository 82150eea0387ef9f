#include "channel_labels.h"

#include <numeric>
#include <set>

namespace nfopt::cnn {
namespace {

// Numbers of blocks that a permutation must respect.
using Counts = std::set<int64_t>;

// What layers `i` with groups adds to the channels on its two sides: its own blocks, and, because they move together,
// every division of the other side that is not finer than them.
bool exchange(Counts& in, Counts& out, int64_t groups) {
  const size_t before = in.size() + out.size();
  for (Counts* counts : {&in, &out}) counts->insert(groups);
  const auto pass_on = [&](const Counts& from, Counts& to) {
    for (const int64_t count : Counts(from)) {
      if (count % groups != 0) to.insert(count);
    }
  };
  pass_on(in, out);
  pass_on(out, in);
  return in.size() + out.size() > before;
}

std::vector<Counts> block_counts(const CnnShape& shape) {
  std::vector<Counts> counts(shape.layers.size() + 1);
  for (size_t i = 0; i < shape.layers.size(); ++i) {
    // A single group divides nothing, groups of one channel leave every permutation.
    if (shape.norm == "group" && shape.norm_groups > 1 && shape.norm_groups < shape.layers[i].out) {
      counts[i + 1].insert(shape.norm_groups);
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < shape.layers.size(); ++i) {
      const int64_t groups = shape.layers[i].groups;
      if (groups > 1 && exchange(counts[i], counts[i + 1], groups)) changed = true;
    }
  }
  return counts;
}

}  // namespace

ChannelLabels::ChannelLabels(const CnnShape& shape) : layers_(shape.layers) {
  const std::vector<Counts> all = block_counts(shape);
  for (size_t stage = 0; stage < all.size(); ++stage) {
    const int64_t width = stage == 0 ? shape.input.channels : layers_[stage - 1].out;
    const int64_t tied = stage == 0 ? 0 : layers_[stage - 1].groups;  // so many blocks move with those of the input
    const std::string name = stage == 0 ? "in" : "c" + std::to_string(stage);
    Counts counts = all[stage];
    Chain chain;
    int64_t blocks = 1;
    bool agree = true;
    while (agree && !counts.empty()) {
      int64_t divisor = width;
      for (const int64_t count : counts) divisor = std::gcd(divisor, count);
      agree = divisor == *counts.begin();
      if (divisor > blocks) {
        if (tied > 1 && divisor <= tied) {
          chain.push_back(chains_.back()[chain.size()]);
        } else {
          const std::string letter = divisor == width ? "" : std::string(1, static_cast<char>('a' + chain.size()));
          chain.push_back({name + letter, stage == 0, divisor / blocks, divisor});
        }
        blocks = divisor;
      }
      if (agree) counts.erase(counts.begin());
    }
    if (blocks < width || chain.empty()) chain.push_back({name, stage == 0 || !agree, width / blocks, width});
    chains_.push_back(chain);
  }
}

std::string ChannelLabels::text(const Chain& chain, size_t first) {
  std::string text;
  for (size_t k = first; k < chain.size(); ++k) {
    const Factor& factor = chain[k];
    text += (k > first ? ", " : "") + std::string(factor.ordered ? "~" : "") + factor.name;
    if (k > 0 && !factor.ordered) text += (chain[k - 1].ordered ? "@~" : "@") + chain[k - 1].name;
    text += "=" + std::to_string(factor.size);
  }
  return text;
}

std::string ChannelLabels::axis(const std::string& factors) {
  return factors.find(',') == std::string::npos ? factors : "[" + factors + "]";
}

std::string ChannelLabels::channels(size_t layers) const { return text(chains_[layers], 0); }

std::string ChannelLabels::weight(size_t layer) const {
  const Chain& in = chains_[layer];
  const int64_t groups = layers_[layer].groups, width = layers_[layer].in / groups;
  std::string columns = "*1";
  if (width > 1 || groups == 1) {
    size_t first = 0;
    while (first < in.size() && groups > 1 && in[first].blocks < groups) ++first;
    const bool boundary = groups > 1 && first < in.size() && in[first].blocks == groups;
    // Groups within an ordered part: which input of its group a column reads is fixed as well.
    columns = groups == 1 ? text(in, 0)
              : boundary  ? text(in, first + 1)
                          : "~g" + std::to_string(layer + 1) + "=" + std::to_string(width);
  }
  return "[" + axis(channels(layer + 1)) + ", " + axis(columns) + ", *" + std::to_string(layers_[layer].kernel) +
         ", *" + std::to_string(layers_[layer].kernel) + "]";
}

}  // namespace nfopt::cnn
