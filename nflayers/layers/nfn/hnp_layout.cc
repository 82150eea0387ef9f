#include <nfopt/nflayers/layers/nfn/affine_layout_builder.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/np_layout.h>

#include <algorithm>

namespace nfopt {
namespace {

using Inputs = std::vector<AffineLayoutBuilder::Input>;

// The published parameters on a feed-forward network of L >= 2 layers. R, K and M name the row, column and total means
// of the paper; a mean over n_0 or n_L is a mean over folded channels, since those axes are folded.
class PublishedHnp {
 public:
  PublishedHnp(const FeedForward& network, const Plan& plan, int64_t in_channels, int64_t out_channels)
      : network_(network), plan_(plan), last_(network.layers() - 1), builder_(plan, in_channels, out_channels) {
    builder_.first_folded_axis_last(weight(0));
    builder_.first_folded_axis_last(weight(last_));
    builder_.first_folded_axis_last(bias(last_));
  }

  AffineLayout build() && {
    const int64_t L = last_ + 1;
    own("w0_rpt", weight(0), {0}, first_context(), 1);
    own("w0_rbdcst", weight(0), {}, means(), 0);
    builder_.begin_group();
    add("bias_0", bias(0), {0}, first_context(), 1);
    add("bias_0_rc", bias(0), {}, means(), 0);
    builder_.end_group();
    for (int64_t i = 1; i < last_; ++i) {
      const std::string name = "layer_" + std::to_string(i), bias_name = "bias_" + std::to_string(i);
      std::vector<From> row = {{weight(i), false}, {weight(i - 1), i == 1}, {bias(i - 1), false}};
      if (i == 1) row.push_back({weight(0), false});
      std::vector<From> column = {{weight(i), false}, {bias(i), false}, {weight(i + 1), i == L - 2}};
      if (i == L - 2) column.push_back({weight(last_), false});
      builder_.begin_group();
      add(name, weight(i), {0, 1}, {{weight(i), false}}, 2);
      add(name + "_rc", weight(i), {}, means(), 0);
      add(name + "_r", weight(i), {1}, row, 1);
      add(name + "_c", weight(i), {0}, column, 1);
      builder_.end_group();
      builder_.begin_group();
      add(bias_name, bias(i), {0}, column, 1);
      add(bias_name + "_rc", bias(i), {}, means(), 0);
      builder_.end_group();
    }
    std::vector<From> context = {{weight(last_), false}, {weight(L - 2), L == 2}};
    if (L == 2) context.push_back({weight(0), false});
    builder_.begin_group();
    add("wfin_cpt", weight(last_), {0}, context, 1);
    add("wfin_cbdcst", weight(last_), {}, means(), 0);
    builder_.end_group();
    own("bias_fin_rc", bias(last_), {}, means(), 0);
    return std::move(builder_).finish();
  }

 private:
  struct From {
    int view;
    bool mean;  // over n_0 or n_L
  };

  int weight(int64_t i) const { return network_.weights[i]; }
  int bias(int64_t i) const { return network_.biases[i]; }

  std::vector<From> first_context() const {
    const bool two = last_ == 1;
    std::vector<From> result = {{weight(0), false}, {weight(1), two}, {bias(0), false}};
    if (two) result.push_back({weight(1), false});
    return result;
  }

  std::vector<From> means() const {  // G
    std::vector<From> result;
    for (int64_t i = 0; i <= last_; ++i) result.push_back({weight(i), i == 0 || i == last_});
    for (int64_t i = 0; i <= last_; ++i) result.push_back({bias(i), i == last_});
    for (int view : {weight(0), weight(last_), bias(last_)}) result.push_back({view, false});
    return result;
  }

  void own(const std::string& name, int view, const std::vector<int>& kept, const std::vector<From>& from,
           size_t ones) {
    builder_.begin_group();
    add(name, view, kept, from, ones);
    builder_.end_group();
  }

  // `kept`: the view's axes, after folding, along which the map acts.
  void add(const std::string& name, int view, const std::vector<int>& kept, const std::vector<From>& from,
           size_t ones) {
    for (size_t s = 0; s < plan_.signatures.size(); ++s) {
      const Signature& signature = plan_.signatures[s];
      for (size_t o = 0; o < signature.outputs.size(); ++o) {
        const Half& half = plan_.outputs[signature.outputs[o].half];
        if (half.view != view || half.kept != kept) continue;
        Inputs inputs;
        for (const From& item : from) inputs.push_back({block_of(signature, item.view), item.mean});
        builder_.add(name, static_cast<int>(s), static_cast<int>(o), inputs, ones);
        return;
      }
    }
  }

  int block_of(const Signature& signature, int view) const {  // labels differ: a view has one half per signature
    const auto found = std::find_if(signature.inputs.begin(), signature.inputs.end(),
                                    [&](const Block& block) { return plan_.inputs[block.half].view == view; });
    return static_cast<int>(found - signature.inputs.begin());
  }

  const FeedForward& network_;
  const Plan& plan_;
  int64_t last_;
  AffineLayoutBuilder builder_;
};

}  // namespace

AffineLayout hnp_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels, int64_t out_channels) {
  const auto network = FeedForward::recognize(space);
  if (!network || network->layers() < 2) return np_layout(space, plan, in_channels, out_channels);
  return PublishedHnp(*network, plan, in_channels, out_channels).build();
}

}  // namespace nfopt
