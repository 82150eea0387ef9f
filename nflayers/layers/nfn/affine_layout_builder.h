#pragma once

#include <nfopt/nflayers/layers/nfn/np_layout.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// Writes the maps of an AffineLayout one by one: weight [outputs, inputs] beside bias [outputs], each input an input
/// block of the output's signature.
class AffineLayoutBuilder {
 public:
  /// `channel_order[v]` are the sizes (C's factors behind it) in which the stored maps order the F folded indices of
  /// view v where that is not the plan's order: (first folded axis, the others) becomes (the others, first folded axis).
  AffineLayoutBuilder(const Plan& plan, int64_t in_channels, int64_t out_channels)
      : plan_(plan), blocks_(plan, in_channels, out_channels), in_(in_channels), out_(out_channels) {
    for (const PlanView& view : plan.views) slow_.push_back({1, view.folded_size});
  }

  struct Input {
    int block = 0;      ///< of Signature::inputs
    bool mean = false;  ///< over the first folded axis of its view, see `first_folded_axis_last`
  };

  /// The stored maps count the channels of this view as (c, remaining folded axes, first folded axis).
  void first_folded_axis_last(int view) {
    const int64_t first = plan_.views[view].folded.front().size;
    slow_[view] = {first, plan_.views[view].folded_size / first};
  }

  /// Maps between these two share one fan, the sum of their inputs.
  void begin_group() { group_ = result_.maps.size(); }
  void end_group() {
    int64_t fan = 0;
    for (size_t m = group_; m < result_.maps.size(); ++m) fan += result_.maps[m].inputs;
    for (size_t m = group_; m < result_.maps.size(); ++m) result_.maps[m].fan = fan;
  }

  void add(const std::string& name, int signature_index, int output, const std::vector<Input>& inputs, size_t ones) {
    const Signature& signature = plan_.signatures[signature_index];
    const int out_view = plan_.outputs[signature.outputs[output].half].view;
    AffineMap map{name, out_ * plan_.views[out_view].folded_size, 0, 0};
    for (const Input& input : inputs) map.inputs += width(view_of(signature, input), input.mean);
    std::vector<int64_t> shape = {map.outputs, map.inputs};
    shape.insert(shape.end(), ones, 1);
    const int weight = blocks_.parameter(name + ".weight", std::move(shape));
    const int bias = blocks_.parameter(name + ".bias", {map.outputs});
    int64_t column = 0;
    for (const Input& input : inputs) {
      const int view = view_of(signature, input);
      const double scale = input.mean ? 1.0 / static_cast<double>(slow_[view].first) : 1.0;
      blocks_.matrix(signature_index, output, input.block, weight, column, sides(out_view, out_, map.inputs, false),
                     sides(view, in_, 1, input.mean), scale);
      column += width(view, input.mean);
    }
    blocks_.bias(out_view, bias, 0, sides(out_view, out_, 1, false));
    result_.maps.push_back(std::move(map));
  }

  AffineLayout finish() && {
    result_.layout = std::move(blocks_).finish();
    return std::move(result_);
  }

 private:
  int view_of(const Signature& signature, const Input& input) const {
    return plan_.inputs[signature.inputs[input.block].half].view;
  }
  int64_t width(int view, bool mean) const { return in_ * (mean ? slow_[view].second : plan_.views[view].folded_size); }
  // Channels (c, n, f) of the plan, stored as (c, f, n) or, after a mean over n, as (c, f).
  std::vector<BlockLayoutBuilder::Side> sides(int view, int64_t channels, int64_t stride, bool mean) const {
    const auto [n, f] = slow_[view];
    const int64_t fast = mean ? 0 : stride, middle = mean ? stride : stride * n;
    return {{channels, middle * f, n * f}, {n, fast, f}, {f, middle, 1}};
  }

  const Plan& plan_;
  BlockLayoutBuilder blocks_;
  int64_t in_;
  int64_t out_;
  std::vector<std::pair<int64_t, int64_t>> slow_;  // per view: first folded axis, product of the others
  AffineLayout result_;
  size_t group_ = 0;
};

}  // namespace nfopt
