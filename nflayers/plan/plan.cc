#include <nfopt/nflayers/plan/half_lattice.h>
#include <nfopt/nflayers/plan/kept_forest.h>
#include <nfopt/nflayers/plan/plan.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace nfopt {
namespace {

PlanView plan_view(const WeightSpace& space, const LayerView& layer) {
  const View& view = space.views()[layer.view];
  const Source& source = space.sources()[view.source];
  PlanView result;
  result.name = view.name;
  result.source = view.source;
  result.offsets = view.axis_offsets;
  result.folded_size = layer.folded_size;
  result.factor_order.resize(view.factors.size());
  auto axis = [&](int factor) {
    const Factor& f = view.factors[factor];
    return PlanAxis{f.axis, f.stride, f.size};
  };
  for (int factor : layer.folded) {
    result.factor_order[factor] = static_cast<int>(result.folded.size());
    result.folded.push_back(axis(factor));
  }
  for (const LayerAxis& a : layer.axes) {
    result.factor_order[a.factor] = static_cast<int>(result.folded.size() + result.axes.size());
    result.axes.push_back(axis(a.factor));
  }
  result.whole = result.folded.empty() && result.axes.size() == source.shape.size();
  for (size_t i = 0; i < result.axes.size() && result.whole; ++i)
    result.whole = result.axes[i].source_axis == static_cast<int>(i) && result.axes[i].size == source.shape[i];
  return result;
}

// Collects the halves, signatures and blocks that the terms ask for.
class Builder {
 public:
  Builder(const WeightSpace& space, const Fold& fold) : layers_(fold_views(space, fold)) {
    for (const Tensor& tensor : space.tensors()) plan_.tensors.push_back({tensor.name, tensor.shape});
    for (const Source& source : space.sources())
      plan_.sources.push_back({source.tensors, source.stacked, source.shape, {}});
    for (size_t v = 0; v < layers_.size(); ++v) {
      plan_.views.push_back(plan_view(space, layers_[v]));
      plan_.sources[plan_.views.back().source].views.push_back(static_cast<int>(v));
    }
    for (size_t v = 0; v < layers_.size(); ++v) {  // the bias: every axis broadcast
      Partition alone;
      for (size_t i = 0; i < layers_[v].axes.size(); ++i) alone.push_back({static_cast<int>(i)});
      output(static_cast<int>(v), alone, {});
      plan_.bias_channels += plan_.views[v].folded_size;
    }
  }

  void add_terms(int out, int in, const TermFilter& keep) {
    const auto partitions = valid_partitions(layers_[out].axes, layers_[in].axes);
    for (size_t index = 0; index < partitions.size(); ++index)
      if (!keep || keep(out, in, partitions[index])) add_term(out, in, static_cast<int>(index), partitions[index]);
  }

  Plan finish() && {
    std::vector<std::vector<int64_t>> sizes;
    for (const LayerView& layer : layers_) {
      sizes.emplace_back();
      for (const LayerAxis& axis : layer.axes) sizes.back().push_back(axis.size);
    }
    const auto inputs = build_lattice(plan_.inputs, sizes);
    const auto outputs = build_lattice(plan_.outputs, sizes);
    for (size_t i = 0; i < inputs.size(); ++i) plan_.views[plan_.inputs[i].view].inputs.push_back(static_cast<int>(i));
    for (size_t i = 0; i < outputs.size(); ++i)
      plan_.views[plan_.outputs[i].view].outputs.push_back(static_cast<int>(i));
    for (Signature& signature : plan_.signatures) {
      for (Block& block : signature.inputs) block.half = inputs[block.half];
      for (Block& block : signature.outputs) block.half = outputs[block.half];
      signature.coefficient = plan_.coefficient_blocks;
      plan_.coefficient_blocks += signature.input_channels * signature.output_channels;
    }
    for (size_t s = 0; s < plan_.signatures.size(); ++s) plan_.by_rank.push_back(static_cast<int>(s));
    std::stable_sort(plan_.by_rank.begin(), plan_.by_rank.end(),
                     [&](int a, int b) { return plan_.signatures[a].sizes.size() < plan_.signatures[b].sizes.size(); });
    return std::move(plan_);
  }

 private:
  struct Place {
    int signature = 0;
    int block = 0;
  };
  using HalfKey = std::tuple<int, Partition, std::vector<int>>;  // view, cells, kept

  // One side of a partition: cells by first axis, each with the block it comes from.
  struct OneSide {
    Partition cells;
    std::vector<int> kept;
    std::vector<int> block_of_kept;
  };

  static OneSide one_side(const Partition& partition, int begin, int end) {
    std::vector<std::pair<std::vector<int>, int>> cells;
    for (size_t b = 0; b < partition.size(); ++b) {
      std::vector<int> members;
      for (int axis : partition[b])
        if (axis >= begin && axis < end) members.push_back(axis - begin);
      if (!members.empty()) cells.emplace_back(std::move(members), static_cast<int>(b));
    }
    std::sort(cells.begin(), cells.end());
    OneSide side;
    for (auto& [members, block] : cells) {
      if (members.size() < partition[block].size()) {
        side.kept.push_back(static_cast<int>(side.cells.size()));
        side.block_of_kept.push_back(block);
      }
      side.cells.push_back(std::move(members));
    }
    return side;
  }

  Half half(int view, const Partition& cells, const std::vector<int>& kept) const {
    Half result;
    result.view = view;
    result.cells = cells;
    result.kept = kept;
    for (int cell : kept) result.sizes.push_back(layers_[view].axes[cells[cell].front()].size);
    return result;
  }

  Place output(int view, const Partition& cells, const std::vector<int>& kept) {
    const auto [found, fresh] = outputs_.try_emplace(HalfKey(view, cells, kept));
    if (!fresh) return found->second;
    const KeptForest forest = kept_forest(layers_[view].axes, cells, kept);
    const std::string form = canonical_form(forest);
    const auto [known, fresh_form] = signatures_.try_emplace(form, static_cast<int>(plan_.signatures.size()));
    if (fresh_form) {  // its axes are ordered as in the first half that has it: large tensors need no transposition
      Signature signature;
      signature.name = form;
      signature.sizes = half(view, cells, kept).sizes;
      for (int64_t size : signature.sizes) signature.positions *= size;
      plan_.signatures.push_back(std::move(signature));
      forests_.push_back(forest);
    }
    Signature& signature = plan_.signatures[known->second];
    found->second = {known->second, static_cast<int>(signature.outputs.size())};
    signature.outputs.push_back({static_cast<int>(plan_.outputs.size()), alignment(forest, forests_[known->second]),
                                 signature.output_channels});
    signature.output_channels += plan_.views[view].folded_size;
    plan_.outputs.push_back(half(view, cells, kept));
    return found->second;
  }

  int input(int view, const OneSide& side, int signature_index, const std::vector<int>& order) {
    const auto [found, fresh] =
        inputs_.try_emplace(HalfKey(view, side.cells, side.kept), static_cast<int>(plan_.inputs.size()));
    if (fresh) plan_.inputs.push_back(half(view, side.cells, side.kept));
    Signature& signature = plan_.signatures[signature_index];
    const auto [block, fresh_block] =
        aligned_.try_emplace({found->second, order}, static_cast<int>(signature.inputs.size()));
    if (fresh_block) {
      signature.inputs.push_back({found->second, order, signature.input_channels});
      signature.input_channels += plan_.views[view].folded_size;
    }
    return block->second;
  }

  void add_term(int out, int in, int index, const Partition& partition) {
    const int outs = static_cast<int>(layers_[out].axes.size());
    const int ins = static_cast<int>(layers_[in].axes.size());
    const OneSide to = one_side(partition, 0, outs);
    const OneSide from = one_side(partition, outs, outs + ins);
    const Place place = output(out, to.cells, to.kept);
    std::vector<int> order;  // signature axis -> kept cell of the output -> block -> kept cell of the input
    for (int cell : plan_.signatures[place.signature].outputs[place.block].order) {
      const auto found = std::find(from.block_of_kept.begin(), from.block_of_kept.end(), to.block_of_kept[cell]);
      order.push_back(static_cast<int>(found - from.block_of_kept.begin()));
    }
    const int block = input(in, from, place.signature, order);
    plan_.terms.push_back({out, in, index, place.signature, block, place.block});
  }

  std::vector<LayerView> layers_;
  Plan plan_;
  std::map<std::string, int> signatures_;
  std::vector<KeptForest> forests_;  // one per signature
  std::map<HalfKey, Place> outputs_;
  std::map<HalfKey, int> inputs_;
  std::map<std::pair<int, std::vector<int>>, int> aligned_;  // input half and order -> block
};

}  // namespace

Plan build_plan(const WeightSpace& space, const Fold& fold, const TermFilter& keep) {
  Builder builder(space, fold);
  const int views = static_cast<int>(space.views().size());
  for (int out = 0; out < views; ++out)
    for (int in = 0; in < views; ++in) builder.add_terms(out, in, keep);
  return std::move(builder).finish();
}

}  // namespace nfopt
