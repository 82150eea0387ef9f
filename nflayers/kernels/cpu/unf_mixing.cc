// The fused step's form of an equivariant layer, from its plan.

#include <nfopt/nflayers/kernels/cpu/merge_loops.h>
#include <nfopt/nflayers/kernels/cpu/mixing.h>
#include <nfopt/nflayers/plan/coefficients.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace nfopt::cpu {
namespace {

int64_t product(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

void append(std::vector<int64_t>& list, const std::vector<int64_t>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

class Builder {
 public:
  Builder(const Plan& plan, int64_t in_channels, int64_t out_channels)
      : plan_(plan), shape_(plan, in_channels, out_channels) {
    mixing_.in_channels = in_channels;
    mixing_.out_channels = out_channels;
    const CoefficientLayout layout = unf_layout(plan, in_channels, out_channels);
    source_of_.assign(layout.map.targets, -1);
    scale_of_.assign(layout.map.targets, 0);
    for (size_t e = 0; e < layout.map.source.size(); ++e) {
      source_of_[layout.map.target[e]] = layout.map.source[e];
      scale_of_[layout.map.target[e]] = layout.map.scale[e];
    }
  }

  Mixing build() && {
    for (const PlanView& view : plan_.views) add_view(view);
    choose_projections();
    for (size_t i = 0; i < plan_.inputs.size(); ++i) add_summed(static_cast<int>(i));
    add_planes();
    for (const int s : plan_.by_rank) add_stage(s);
    for (size_t v = 0; v < plan_.views.size(); ++v) add_reads(static_cast<int>(v));
    for (size_t v = 0; v < plan_.views.size(); ++v) merge(mixing_.views[v]);
    mixing_.choose_chunks();
    return std::move(mixing_);
  }

 private:
  struct Projection {  // a term whose input is a whole view, as scalars per position
    int view = 0;
    int input = 0;   // block
    int output = 0;  // block
    int64_t first = 0;
  };

  int64_t channels() const { return mixing_.in_channels; }
  int64_t outs() const { return mixing_.out_channels; }
  int64_t folded(const Half& half) const { return plan_.views[half.view].folded_size; }
  int64_t rows(const Half& half) const { return product(half.sizes) * folded(half); }
  bool full(const Half& half) const {
    const size_t axes = plan_.views[half.view].axes.size();
    return half.cells.size() == axes && half.kept.size() == axes;
  }
  std::vector<int64_t> folded_sizes(int view) const {
    std::vector<int64_t> sizes;
    for (const PlanAxis& axis : plan_.views[view].folded) sizes.push_back(axis.size);
    return sizes;
  }

  void add_view(const PlanView& view) {
    MixView result;
    const PlanSource& source = plan_.sources[view.source];
    result.loops.tensor = source.tensors.front();
    const std::vector<int64_t> steps = row_major(source.shape);
    for (size_t i = 0; i < view.offsets.size(); ++i) result.loops.first += view.offsets[i] * steps[i];
    for (const auto* axes : {&view.axes, &view.folded}) {
      for (const PlanAxis& axis : *axes) {
        result.loops.sizes.push_back(axis.size);
        result.loops.strides.push_back(axis.stride * steps[axis.source_axis]);
      }
    }
    result.loops.count = product(result.loops.sizes);
    result.loops.folded = view.folded_size;
    mixing_.views.push_back(std::move(result));
  }

  // Whole views are not stored where a scalar per term takes less room.
  void choose_projections() {
    projected_.assign(plan_.inputs.size(), false);
    projections_.resize(plan_.signatures.size());
    for (size_t s = 0; s < plan_.signatures.size(); ++s) {
      const Signature& signature = plan_.signatures[s];
      for (size_t i = 0; i < signature.inputs.size(); ++i) {
        const Half& half = plan_.inputs[signature.inputs[i].half];
        if (!full(half)) continue;
        const auto alignments = std::count_if(signature.inputs.begin(), signature.inputs.end(),
                                              [&](const Block& b) { return b.half == signature.inputs[i].half; });
        if (alignments * signature.output_channels * outs() > channels()) continue;
        projected_[signature.inputs[i].half] = true;
        MixView& view = mixing_.views[half.view];
        const int64_t positions = view.positions();
        for (size_t o = 0; o < signature.outputs.size(); ++o) {
          projections_[s].push_back({half.view, static_cast<int>(i), static_cast<int>(o), view.scalars * positions});
          view.scalars += outs() * folded(plan_.outputs[signature.outputs[o].half]);
        }
      }
    }
    // Planes are counted from the view's first; the coefficients have a column per plane.
    for (MixView& view : mixing_.views) {
      view.first_scalar = mixing_.planes;
      mixing_.planes += view.scalars * view.positions();
      view.coefficients = mixing_.packed.size();
      for (int64_t i = 0; view.scalars > 0 && i < packed_numbers(view); ++i) mixing_.packed.add(-1, 0);
    }
    mixing_.first_plane = mixing_.planes;
    for (size_t s = 0; s < plan_.signatures.size(); ++s)
      for (const Projection& p : projections_[s]) fill_columns(plan_.signatures[s], p);
  }

  int64_t packed_numbers(const MixView& view) const {
    return view.few() ? view.scalars * padded(channels())
                      : view.loops.folded * padded(channels()) * padded(view.scalars);
  }

  void fill_columns(const Signature& signature, const Projection& p) {
    const MixView& view = mixing_.views[p.view];
    const int64_t column = p.first / view.positions();
    const int64_t out_channels = outs() * folded(plan_.outputs[signature.outputs[p.output].half]);
    for (int64_t out = 0; out < out_channels; ++out)
      for (int64_t f = 0; f < view.loops.folded; ++f)
        for (int64_t c = 0; c < channels(); ++c) {
          const int64_t at = view.few() ? (column + out) * padded(channels()) + c
                                        : (f * padded(channels()) + c) * padded(view.scalars) + column + out;
          const int64_t entry = coefficient(signature, p.output, out, p.input, c * view.loops.folded + f);
          mixing_.packed.source[view.coefficients + at] = static_cast<int32_t>(source_of_[entry]);
          mixing_.packed.scale[view.coefficients + at] = scale_of_[entry];
        }
  }

  int64_t coefficient(const Signature& signature, int output, int64_t out, int input, int64_t in) const {
    return shape_.matrix(signature) +
           (signature.outputs[output].channel * outs() + out) * signature.input_channels * channels() +
           signature.inputs[input].channel * channels() + in;
  }

  // From the elements of the half's view to its rows.
  LinearMap element_map(const Half& half) const {
    LinearMap map;
    map.strides.assign(plan_.views[half.view].axes.size(), 0);
    const std::vector<int64_t> steps = row_major(half.sizes, folded(half));
    for (size_t k = 0; k < half.kept.size(); ++k) map.strides[half.cells[half.kept[k]].front()] = steps[k];
    for (const auto& cell : half.cells)
      for (size_t i = 1; i < cell.size(); ++i) map.equal.emplace_back(cell.front(), cell[i]);
    append(map.strides, row_major(folded_sizes(half.view)));
    return map;
  }

  // Steps along the kept cells of `larger`, then along the folded entries, in rows of `smaller`.
  std::vector<int64_t> steps_in(const Half& larger, const Half& smaller) const {
    const std::vector<int64_t> own = row_major(smaller.sizes, folded(smaller));
    std::vector<int64_t> steps;
    for (const int cell : larger.kept) {
      const auto found = std::find(smaller.kept.begin(), smaller.kept.end(), cell);
      steps.push_back(found == smaller.kept.end() ? 0 : own[found - smaller.kept.begin()]);
    }
    steps.push_back(1);
    return steps;
  }
  std::vector<int64_t> loop_sizes(const Half& half) const {
    std::vector<int64_t> sizes = half.sizes;
    sizes.push_back(folded(half));
    return sizes;
  }

  void add_summed(int index) {
    summed_.resize(plan_.inputs.size(), -1);
    if (projected_[index]) return;
    const Half& half = plan_.inputs[index];
    SummedHalf result;
    result.view = half.view;
    result.rows = rows(half);
    result.first = mixing_.sums;
    mixing_.sums += result.rows;
    summed_[index] = static_cast<int>(mixing_.halves.size());
    if (half.parent >= 0 && !projected_[half.parent]) {
      result.from = summed_[half.parent];
      result.from_sizes = loop_sizes(plan_.inputs[half.parent]);
      result.from_strides = steps_in(plan_.inputs[half.parent], half);
    } else {
      result.map = element_map(half);
      mixing_.views[half.view].halves.push_back(summed_[index]);
    }
    mixing_.halves.push_back(std::move(result));
  }

  bool has_sums(const Signature& signature) const {
    return std::any_of(signature.inputs.begin(), signature.inputs.end(),
                       [&](const Block& block) { return summed_[block.half] >= 0; });
  }

  // Output halves that are written before the last pass: all but those as large as their view that only scalars reach.
  void add_planes() {
    plane_of_.assign(plan_.outputs.size(), -1);
    for (size_t s = 0; s < plan_.signatures.size(); ++s) {
      const Signature& signature = plan_.signatures[s];
      for (const Block& block : signature.outputs) {
        const Half& half = plan_.outputs[block.half];
        if (full(half) && s != 0 && !has_sums(signature)) continue;
        plane_of_[block.half] = mixing_.planes;
        mixing_.planes += outs() * rows(half);
      }
    }
  }

  static std::vector<int64_t> aligned(const std::vector<int64_t>& steps, const std::vector<int>& order) {
    std::vector<int64_t> result;
    for (const int cell : order) result.push_back(steps[cell]);
    return result;
  }

  void add_stage(int s) {
    const Signature& signature = plan_.signatures[s];
    MixStage stage;
    if (s == 0) {
      for (size_t v = 0; v < plan_.views.size(); ++v) {
        const int64_t to = plane_of_[signature.outputs[v].half];
        for (int64_t out = 0; out < outs() * plan_.views[v].folded_size; ++out) {
          const int64_t entry = shape_.bias(static_cast<int>(v), out);
          stage.biases.emplace_back(mixing_.packed.size(), to + out);
          mixing_.packed.add(source_of_[entry], scale_of_[entry]);
        }
      }
    }
    for (const Block& block : signature.outputs) add_children(stage, block.half);
    add_product(stage, signature);
    for (const Projection& p : projections_[s]) add_scalars(stage, signature, p);
    mixing_.stages.push_back(std::move(stage));
  }

  // Halves below one as large as its view are read by the last pass.
  void add_children(MixStage& stage, int index) {
    const Half& half = plan_.outputs[index];
    if (full(half)) return;
    for (const int child_index : half.children) {
      const Half& child = plan_.outputs[child_index];
      for (int64_t c = 0; c < outs(); ++c) {
        PlaneAdd add;
        add.from = plane_of_[child_index] + c * rows(child);
        add.to = plane_of_[index] + c * rows(half);
        add.sizes = loop_sizes(half);
        add.from_strides = steps_in(half, child);
        add.to_strides = row_major(add.sizes);
        stage.smaller.push_back(std::move(add));
      }
    }
  }

  void add_product(MixStage& stage, const Signature& signature) {
    if (!has_sums(signature)) return;
    MixProduct& result = stage.product;
    result.sizes = signature.sizes;
    result.positions = signature.positions;
    result.coefficients = mixing_.packed.size();
    std::vector<int> blocks;
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
      const Block& block = signature.inputs[i];
      const int half = summed_[block.half];
      if (half < 0) continue;
      const int64_t f = folded(plan_.inputs[block.half]);
      result.inputs.push_back({half, aligned(row_major(plan_.inputs[block.half].sizes, f), block.order), f});
      result.columns += f * padded(channels());
      blocks.push_back(static_cast<int>(i));
    }
    for (size_t o = 0; o < signature.outputs.size(); ++o) {
      const Block& block = signature.outputs[o];
      const Half& half = plan_.outputs[block.half];
      const int64_t fo = folded(half);
      result.outputs.push_back(
          {plane_of_[block.half], rows(half), aligned(row_major(half.sizes, fo), block.order), fo});
      for (int64_t out = 0; out < outs() * fo; ++out)
        for (const int i : blocks) {
          const int64_t f_in = folded(plan_.inputs[signature.inputs[i].half]);
          for (int64_t f = 0; f < f_in; ++f)
            for (int64_t c = 0; c < padded(channels()); ++c) {
              if (c >= channels()) {
                mixing_.packed.add(-1, 0);
                continue;
              }
              const int64_t entry = coefficient(signature, static_cast<int>(o), out, i, c * f_in + f);
              mixing_.packed.add(source_of_[entry], scale_of_[entry]);
            }
        }
    }
  }

  void add_scalars(MixStage& stage, const Signature& signature, const Projection& p) {
    const Block &in = signature.inputs[p.input], &out = signature.outputs[p.output];
    const Half& half = plan_.outputs[out.half];
    if (full(half)) return;
    const MixView& view = mixing_.views[p.view];
    const int64_t positions = view.positions(), fo = folded(half);
    for (int64_t c = 0; c < outs(); ++c)
      for (int64_t f = 0; f < fo; ++f) {
        PlaneAdd add;
        add.from = view.first_scalar + p.first + (c * fo + f) * positions;
        add.to = plane_of_[out.half] + c * rows(half) + f;
        add.sizes = signature.sizes;
        add.from_strides = aligned(row_major(plan_.inputs[in.half].sizes), in.order);
        add.to_strides = aligned(row_major(half.sizes, fo), out.order);
        stage.scalars.push_back(std::move(add));
      }
  }

  void add_reads(int v) {
    const PlanView& view = plan_.views[v];
    for (const int index : view.outputs) {
      const Half& half = plan_.outputs[index];
      const bool read = half.parent < 0 || full(plan_.outputs[half.parent]);
      if (read && plane_of_[index] >= 0) read_plane(v, element_map(half), plane_of_[index], rows(half));
    }
    for (size_t s = 0; s < plan_.signatures.size(); ++s) {
      const Signature& signature = plan_.signatures[s];
      for (const Projection& p : projections_[s]) {
        const Block &in = signature.inputs[p.input], &out = signature.outputs[p.output];
        const Half& half = plan_.outputs[out.half];
        if (half.view != v || !full(half)) continue;
        const MixView& from = mixing_.views[p.view];
        const int64_t positions = from.positions();
        const std::vector<int64_t> steps = row_major(plan_.inputs[in.half].sizes);
        LinearMap map;
        map.strides.assign(view.axes.size(), 0);
        for (size_t j = 0; j < out.order.size(); ++j) map.strides[half.kept[out.order[j]]] = steps[in.order[j]];
        append(map.strides, row_major(folded_sizes(v), positions));
        read_plane(v, std::move(map), from.first_scalar + p.first, view.folded_size * positions);
      }
    }
  }
  void read_plane(int v, LinearMap map, int64_t first, int64_t plane) {
    mixing_.views[v].reads.push_back({std::move(map), first, plane});
  }

  void merge(MixView& view) {
    std::vector<LinearMap*> maps;
    for (const int half : view.halves) maps.push_back(&mixing_.halves[half].map);
    for (PlaneRead& read : view.reads) maps.push_back(&read.map);
    merge_loops(view.loops, maps);
  }

  const Plan& plan_;
  CoefficientShape shape_;
  std::vector<int64_t> source_of_;  // of an engine coefficient: the stored number, -1: none
  std::vector<double> scale_of_;
  Mixing mixing_;
  std::vector<bool> projected_;                       // by input half
  std::vector<std::vector<Projection>> projections_;  // by signature
  std::vector<int> summed_;                           // input half -> summed half, -1: none
  std::vector<int64_t> plane_of_;                     // output half -> first number, -1: none
};

}  // namespace

std::optional<Mixing> unf_mixing(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  for (const PlanSource& source : plan.sources)
    if (source.stacked || source.tensors.size() != 1) return std::nullopt;
  for (const PlanView& view : plan.views)
    if (view.folded_size > kTile || view.folded.size() + view.axes.size() > kMostLoops) return std::nullopt;
  return Builder(plan, in_channels, out_channels).build();
}

}  // namespace nfopt::cpu
