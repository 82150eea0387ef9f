#include <nfopt/nflayers/plan/block_layout.h>

#include <algorithm>
#include <utility>

namespace nfopt {

BlockLayoutBuilder::BlockLayoutBuilder(const Plan& plan, int64_t in_channels, int64_t out_channels)
    : plan_(plan), shape_(plan, in_channels, out_channels), in_channels_(in_channels), out_channels_(out_channels) {
  layout_.targets = shape_.total();
}

int BlockLayoutBuilder::parameter(std::string name, std::vector<int64_t> shape) {
  layout_.parameters.push_back({std::move(name), std::move(shape)});
  return static_cast<int>(layout_.parameters.size()) - 1;
}

int64_t BlockLayoutBuilder::target(const Signature& signature, int output, int input) const {
  const int64_t row = signature.outputs[output].channel * out_channels_;
  return shape_.matrix(signature) + row * signature.input_channels * in_channels_ +
         signature.inputs[input].channel * in_channels_;
}

void BlockLayoutBuilder::matrix(int s, int output, int input, int parameter, int64_t first,
                                const std::vector<Side>& rows, const std::vector<Side>& columns, double scale) {
  const Signature& signature = plan_.signatures[s];
  CoefficientBlock block;
  block.parameter = parameter;
  block.source = first;
  block.signature = s;
  block.row_axes = static_cast<int>(rows.size());
  block.target = target(signature, output, input);
  block.scale = scale / static_cast<double>(plan_.inputs[signature.inputs[input].half].count);  // executors sum
  const int64_t row = signature.input_channels * in_channels_;
  for (const Side& side : rows) block.axes.push_back({side.size, side.stored, side.channel * row});
  for (const Side& side : columns) block.axes.push_back({side.size, side.stored, side.channel});
  add(std::move(block));
}

void BlockLayoutBuilder::bias(int view, int parameter, int64_t first, const std::vector<Side>& rows) {
  CoefficientBlock block;
  block.parameter = parameter;
  block.source = first;
  block.target = shape_.bias(view, 0);
  for (const Side& side : rows) block.axes.push_back({side.size, side.stored, side.channel});
  add(std::move(block));
}

void BlockLayoutBuilder::add(CoefficientBlock block) {
  block.first_on_target = targets_.insert(block.target).second;
  block.first_on_source = sources_.emplace(block.parameter, block.source).second;
  layout_.blocks.push_back(std::move(block));
}

BlockLayout BlockLayoutBuilder::finish() && {
  auto zero = [&](int64_t target, std::vector<BlockAxis> axes) {
    if (targets_.count(target) > 0) return;
    CoefficientBlock block;
    block.target = target;
    block.axes = std::move(axes);
    layout_.blocks.push_back(std::move(block));
  };
  for (const Signature& signature : plan_.signatures) {
    const int64_t row = signature.input_channels * in_channels_;
    for (size_t o = 0; o < signature.outputs.size(); ++o)
      for (size_t i = 0; i < signature.inputs.size(); ++i) {
        const int out_view = plan_.outputs[signature.outputs[o].half].view;
        const int in_view = plan_.inputs[signature.inputs[i].half].view;
        zero(target(signature, static_cast<int>(o), static_cast<int>(i)),
             {{plan_.views[out_view].folded_size * out_channels_, 0, row},
              {plan_.views[in_view].folded_size * in_channels_, 0, 1}});
      }
  }
  for (size_t v = 0; v < plan_.views.size(); ++v)
    zero(shape_.bias(static_cast<int>(v), 0), {{plan_.views[v].folded_size * out_channels_, 0, 1}});
  return std::move(layout_);
}

IndexMap index_map(const BlockLayout& layout) {
  std::vector<int64_t> first;  // source of every parameter's first entry
  IndexMap map;
  map.targets = layout.targets;
  for (const StoredParameter& parameter : layout.parameters) {
    first.push_back(map.sources);
    int64_t numel = 1;
    for (int64_t size : parameter.shape) numel *= size;
    map.sources += numel;
  }
  for (const CoefficientBlock& block : layout.blocks) {
    if (block.parameter < 0) continue;
    std::vector<int64_t> index(block.axes.size(), 0);
    int64_t source = first[block.parameter] + block.source, target = block.target;
    size_t axis = 0;
    if (std::any_of(block.axes.begin(), block.axes.end(), [](const BlockAxis& a) { return a.size == 0; })) continue;
    do {
      map.add(target, source, block.scale);
      for (axis = block.axes.size(); axis-- > 0;) {  // the next entry, last axis fastest
        const BlockAxis& a = block.axes[axis];
        source += a.source;
        target += a.target;
        if (++index[axis] < a.size) break;
        index[axis] = 0;
        source -= a.size * a.source;
        target -= a.size * a.target;
      }
    } while (axis < block.axes.size());
  }
  return map;
}

BlockLayout unf_block_layout(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  BlockLayoutBuilder builder(plan, in_channels, out_channels);
  size_t first = 0;  // term of the view
  for (size_t v = 0; v < plan.views.size(); ++v) {
    const int64_t outs = out_channels * plan.views[v].folded_size;
    size_t last = first;
    int64_t rows = 0;
    for (; last < plan.terms.size() && plan.terms[last].out_view == static_cast<int>(v); ++last)
      rows += plan.views[plan.terms[last].in_view].folded_size;
    const int theta = builder.parameter("theta." + plan.views[v].name, {rows, in_channels, outs});
    rows = 0;
    for (; first < last; ++first) {
      const Term& term = plan.terms[first];
      const int64_t folded = plan.views[term.in_view].folded_size;
      builder.matrix(term.signature, term.output, term.input, theta, rows * in_channels * outs, {{outs, 1, 1}},
                     {{in_channels, outs, folded}, {folded, in_channels * outs, 1}});
      rows += folded;
    }
  }
  for (size_t v = 0; v < plan.views.size(); ++v) {
    const int64_t outs = out_channels * plan.views[v].folded_size;
    builder.bias(static_cast<int>(v), builder.parameter("bias." + plan.views[v].name, {outs}), 0, {{outs, 1, 1}});
  }
  return std::move(builder).finish();
}

}  // namespace nfopt
