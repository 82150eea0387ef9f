#include <nfopt/nflayers/kernels/cpu/context_step.h>
#include <nfopt/nflayers/kernels/cpu/pieces.h>

#include <algorithm>
#include <cmath>

namespace nfopt::cpu {
namespace {

constexpr int H = kContextHidden;
constexpr int64_t kWorthAThread = 1 << 16;  // elements; below, handing out the work costs more than it saves
constexpr int64_t kChunk = 1 << 13;         // elements summed in float32 before they join a double

double correction(double decay, double n) { return -1 / std::expm1(n * std::log(decay)); }

struct TensorSums {
  double squares = 0, weights = 0, nominal = 0;

  void add(const ContextRunSums& run) {
    squares += run.squares;
    weights += run.weights;
    nominal += run.nominal;
  }
};

/// One member's step.
class MemberStep {
 public:
  MemberStep(const ContextStepPlan& plan, const ContextStepConstants& constants, ContextStepMember& member)
      : plan_(plan),
        c_(constants),
        member_(member),
        large_(plan.total >= 2 * kWorthAThread),
        constants_(plan.tensors.size()),
        row_factors_(plan.row_statistics),
        column_factors_(plan.column_statistics) {
    for (int k = 0; k < 3; ++k) {
      shared_.momentum_weights[k] = static_cast<float>(1 - c_.momentum_decays[k]);
      const double decay = c_.momentum_decays[k];
      shared_.momentum_corrections[k] = static_cast<float>(decay == 0 ? 1 : correction(decay, member.updates));
    }
    square_correction_ = c_.square_decay == 0 ? 1 : correction(c_.square_decay, member.updates);
    shared_.square_weight = static_cast<float>(1 - c_.square_decay);
    shared_.square_correction = static_cast<float>(square_correction_);
    shared_.epsilon = static_cast<float>(c_.epsilon);
    shared_.floor = static_cast<float>(c_.floor);
    shared_.clip = static_cast<float>(c_.clip);
    shared_.scale_gain = static_cast<float>(c_.scale_gain);
    shared_.scale_limit = static_cast<float>(c_.scale_limit);
    shared_.direction_gain = static_cast<float>(c_.direction_gain);
    shared_.momentum_direction = c_.momentum_direction;
  }

  void operator()() {
    for_each_piece(static_cast<int64_t>(plan_.tensors.size()), 1, large_, [this](int64_t t) { accumulate(t); });
    std::vector<double> rates(plan_.tensors.size());
    member_.rates(statistics_of_tensors(), rates);
    for (size_t t = 0; t < rates.size(); ++t) constants_[t].rate = static_cast<float>(rates[t]);
    if (c_.context_gain != 0) {
      reduce();
      mix();
    }
    apply();
  }

 private:
  ContextRun run_of(int tensor, int64_t first, int64_t n) const {
    ContextRun run;
    run.n = n;
    run.g = member_.g[tensor] + first;
    run.w = member_.w[tensor] + first;
    const int64_t at = plan_.tensors[tensor].offset + first;
    for (int k = 0; k < 3; ++k) run.m[k] = member_.momenta + k * plan_.total + at;
    run.v = member_.squares + at;
    return run;
  }

  // ---- first pass

  void accumulate(int64_t index) {
    const ContextStepTensor& t = plan_.tensors[index];
    TensorSums sums;
    if (t.is_matrix())
      accumulate_matrix(t, static_cast<int>(index), sums);
    else
      accumulate_elements(t, static_cast<int>(index), sums);

    ContextRunConstants& c = constants_[index];
    c = shared_;
    const auto n = static_cast<double>(std::max<int64_t>(1, t.numel));
    const double scale = std::sqrt(sums.squares / n * square_correction_ + c_.floor);
    const double weight = std::sqrt(sums.weights / n + c_.floor);
    double nominal = sums.nominal / n;
    if (c_.momentum_direction) nominal /= (scale + c_.epsilon) * (scale + c_.epsilon);
    c.inverse_scale = static_cast<float>(1 / (scale + c_.epsilon));
    c.inverse_weight = static_cast<float>(1 / (weight + c_.epsilon));
    statistics_[index] = {weight, std::sqrt(nominal + c_.floor)};
  }

  void accumulate_matrix(const ContextStepTensor& t, int index, TensorSums& sums) {
    const int64_t height = t.shape[0], width = t.shape[1];
    std::vector<float> along(width, 0.0f), across(height);  // per column, per row
    for (int64_t i = 0; i < height; ++i) {
      const ContextRunSums run = context_accumulate(run_of(index, i * width, width), shared_, along.data());
      sums.add(run);
      across[i] = run.gradient;
    }
    const bool rows_are_rows = t.row_axis == 1;
    average(t, rows_are_rows ? across : along, rows_are_rows ? along : across);
  }

  void accumulate_elements(const ContextStepTensor& t, int index, TensorSums& sums) {
    std::vector<float> rows(t.rows, 0.0f), columns(t.columns, 0.0f);
    for (int64_t first = 0; first < t.numel; first += kChunk) {
      const int64_t n = std::min(kChunk, t.numel - first);
      sums.add(context_accumulate(run_of(index, first, n), shared_, nullptr));
      if (!t.factored()) continue;
      const float* g = member_.g[index];
      for (int64_t i = first; i < first + n; ++i) {
        rows[t.row_of[i]] += g[i] * g[i];
        columns[t.column_of[i]] += g[i] * g[i];
      }
    }
    if (t.factored()) average(t, rows, columns);
  }

  /// Sums of g^2 into the row and column statistics, and these into factors.
  void average(const ContextStepTensor& t, const std::vector<float>& row_sums, const std::vector<float>& column_sums) {
    const auto advance = [&](float* state, const std::vector<float>& sums, int axis) {
      const float over = 1.0f / static_cast<float>(t.shape[axis]);
      for (size_t i = 0; i < sums.size(); ++i) state[i] += shared_.square_weight * (sums[i] * over - state[i]);
    };
    float* rows = member_.rows + t.rows_offset;
    float* columns = member_.columns + t.columns_offset;
    advance(rows, row_sums, t.row_axis);
    advance(columns, column_sums, t.column_axis);

    std::vector<double> means(t.row_groups, 0.0);
    const auto group = [&](int64_t i) { return t.group_of_row.empty() ? 0 : t.group_of_row[i]; };
    for (int64_t i = 0; i < t.rows; ++i) means[group(i)] += rows[i] * square_correction_;
    for (double& mean : means) mean = mean / static_cast<double>(t.shape[t.column_axis]) + c_.floor;
    for (int64_t i = 0; i < t.rows; ++i)
      row_factors_[t.rows_offset + i] =
          static_cast<float>(1 / std::sqrt(rows[i] * square_correction_ / means[group(i)] + c_.row_epsilon));
    for (int64_t i = 0; i < t.columns; ++i)
      column_factors_[t.columns_offset + i] =
          static_cast<float>(1 / std::sqrt(columns[i] * square_correction_ + c_.column_epsilon));
  }

  std::span<const ContextTensorStatistics> statistics_of_tensors() const { return statistics_; }

  // ---- rows of a tile

  /// Calls body(tensor, run, row index in the tile, factor positions) for every row of a tile.
  template <class Body>
  void for_each_row(const ContextStepTile& tile, std::vector<float>& scratch, const Body& body) const {
    const ContextStepView& view = plan_.views[tile.view];
    std::vector<int64_t> position(view.sizes.size(), 0);
    int64_t rest = tile.first;
    for (size_t k = view.split; k-- > 0;) {
      position[k] = rest % view.sizes[k];
      rest /= view.sizes[k];
    }
    for (int64_t row = 0; row < tile.rows; ++row) {
      int64_t first = view.offset;
      for (size_t k = 0; k < view.split; ++k) first += position[k] * view.strides[k];
      const int tensor = view.tensors[view.stacked ? position[0] : 0];
      ContextRun run = run_of(tensor, first, view.run);
      set_factor(plan_.tensors[tensor], first, run, scratch);
      body(tensor, run, row, position);
      for (size_t k = view.split; k-- > 0 && ++position[k] == view.sizes[k];) position[k] = 0;
    }
  }

  void set_factor(const ContextStepTensor& t, int64_t first, ContextRun& run, std::vector<float>& scratch) const {
    if (!t.factored()) return;
    const float* rows = row_factors_.data() + t.rows_offset;
    const float* columns = column_factors_.data() + t.columns_offset;
    const int64_t width = t.shape.back();
    if (t.is_matrix() && first % width + run.n <= width) {
      const int64_t i = first / width, j = first % width;
      run.factor = (t.row_axis == 1 ? columns : rows) + j;
      run.factor_scale = (t.row_axis == 1 ? rows : columns)[i];
      return;
    }
    scratch.resize(run.n);
    for (int64_t k = 0; k < run.n; ++k) {
      const int64_t at = first + k;
      const int64_t row = !t.is_matrix() ? t.row_of[at] : t.row_axis == 1 ? at / width : at % width;
      const int64_t column = !t.is_matrix() ? t.column_of[at] : t.row_axis == 1 ? at % width : at / width;
      scratch[k] = rows[row] * columns[column];
    }
    run.factor = scratch.data();
  }

  static int64_t table_row(const ContextStepAxis& axis, const std::vector<int64_t>& position) {
    int64_t row = 0;
    for (const auto& [factor, multiplier] : axis.index) row += position[factor] * multiplier;
    return row;
  }

  /// Calls body(i, positions) for every element of the run, `position` starting at its first.
  template <class Body>
  static void for_each_element(const ContextStepView& view, std::vector<int64_t> position, const Body& body) {
    for (size_t k = view.split; k < view.sizes.size(); ++k) position[k] = 0;
    for (int64_t i = 0; i < view.run; ++i) {
      body(i, position);
      for (size_t k = view.sizes.size(); k-- > view.split && ++position[k] == view.sizes[k];) position[k] = 0;
    }
  }

  std::vector<int64_t> first_position(const ContextStepTile& tile) const {
    const ContextStepView& view = plan_.views[tile.view];
    std::vector<int64_t> position(view.sizes.size(), 0);
    int64_t rest = tile.first;
    for (size_t k = view.split; k-- > 0;) {
      position[k] = rest % view.sizes[k];
      rest /= view.sizes[k];
    }
    return position;
  }

  // ---- second pass: h1, of which only means stay

  struct TileSums {
    std::vector<float> elements;  ///< [8, run] sums over the rows of the tile
    std::vector<float> rows;      ///< [rows, 8] sums over the run
  };

  void reduce() {
    contexts_.assign(plan_.all_table_rows * H, 0.0f);
    tensor_sums_.assign(plan_.tensors.size() * H, 0.0);
    // As many tiles in flight as are worth their memory; joined in order.
    const auto count = static_cast<int64_t>(plan_.tiles.size());
    const int64_t batch = large_ ? 64 : 1;
    std::vector<TileSums> sums(std::min(batch, count));
    for (int64_t first = 0; first < count; first += batch) {
      const int64_t n = std::min(batch, count - first);
      for_each_piece(n, 1, large_, [&](int64_t i) { hidden_sums(plan_.tiles[first + i], sums[i]); });
      for (int64_t i = 0; i < n; ++i) join(plan_.tiles[first + i], sums[i]);
    }
  }

  void hidden_sums(const ContextStepTile& tile, TileSums& sums) const {
    const int64_t n = plan_.views[tile.view].run;
    sums.elements.assign(n * H, 0.0f);
    sums.rows.assign(tile.rows * H, 0.0f);
    std::vector<float> scratch;
    for_each_row(tile, scratch, [&](int tensor, const ContextRun& run, int64_t row, const auto&) {
      context_hidden(run, constants_[tensor], *member_.network, plan_.tensors[tensor].role, sums.elements.data(), n,
                     sums.rows.data() + row * H);
    });
  }

  void join(const ContextStepTile& tile, const TileSums& sums) {
    const ContextStepView& view = plan_.views[tile.view];
    std::vector<int64_t> position = first_position(tile);
    const auto split = static_cast<int>(view.split);
    for (const ContextStepAxis& axis : view.axes) {
      if (axis.factor < split) continue;
      float* table = contexts_.data() + plan_.table_offsets[axis.table] * H;
      for_each_element(view, position, [&](int64_t i, const std::vector<int64_t>& at) {
        float* c = table + table_row(axis, at) * H;
        for (int k = 0; k < H; ++k) c[k] += axis.weight * sums.elements[k * view.run + i];
      });
    }
    for (int64_t row = 0; row < tile.rows; ++row) {
      const float* h = sums.rows.data() + row * H;
      for (const ContextStepAxis& axis : view.axes) {
        if (axis.factor >= split) continue;
        float* c = contexts_.data() + (plan_.table_offsets[axis.table] + table_row(axis, position)) * H;
        for (int k = 0; k < H; ++k) c[k] += axis.weight * h[k];
      }
      double* t = tensor_sums_.data() + view.tensors[view.stacked ? position[0] : 0] * H;
      for (int k = 0; k < H; ++k) t[k] += h[k];
      for (size_t k = view.split; k-- > 0 && ++position[k] == view.sizes[k];) position[k] = 0;
    }
  }

  // ---- small products between the passes

  static void product(const float (&weight)[H][H], const float* x, float* y) {
    for (int j = 0; j < H; ++j)
      for (int k = 0; k < H; ++k) y[k] += weight[j][k] * x[j];
  }

  void mix() {
    const ContextNetwork& network = *member_.network;
    const auto gain = static_cast<float>(c_.context_gain);
    // Per slot a table of its own: a label may be written by one tensor and read by another.
    const int64_t table = plan_.all_table_rows * H;
    mixed_.assign(3 * table, 0.0f);
    std::vector<char> used(3 * plan_.table_rows.size(), 0);
    for (const ContextStepView& view : plan_.views)
      for (const ContextStepAxis& axis : view.axes) used[axis.slot * plan_.table_rows.size() + axis.table] = 1;
    for (size_t slot = 0; slot < 3; ++slot)
      for (size_t label = 0; label < plan_.table_rows.size(); ++label) {
        if (!used[slot * plan_.table_rows.size() + label]) continue;
        for (int64_t row = plan_.table_offsets[label]; row < plan_.table_offsets[label] + plan_.table_rows[label];
             ++row)
          product(network.slots[slot], contexts_.data() + row * H, mixed_.data() + slot * table + row * H);
      }
    for (float& value : mixed_) value *= gain;

    float mean[H], all[H] = {};
    of_tensor_.assign(plan_.tensors.size() * H, 0.0f);
    for (size_t t = 0; t < plan_.tensors.size(); ++t) {
      for (int k = 0; k < H; ++k) {
        mean[k] = static_cast<float>(tensor_sums_[t * H + k] /
                                     static_cast<double>(std::max<int64_t>(1, plan_.tensors[t].numel)));
        all[k] += mean[k] / static_cast<float>(plan_.tensors.size());
      }
      product(network.tensor, mean, of_tensor_.data() + t * H);
    }
    float of_network[H] = {};
    product(network.network, all, of_network);
    for (size_t t = 0; t < plan_.tensors.size(); ++t)
      for (int k = 0; k < H; ++k) of_tensor_[t * H + k] = gain * (of_tensor_[t * H + k] + of_network[k]);
  }

  // ---- third pass

  void apply() {
    for_each_piece(static_cast<int64_t>(plan_.tiles.size()), 1, large_, [this](int64_t i) { apply(plan_.tiles[i]); });
  }

  void apply(const ContextStepTile& tile) const {
    const ContextStepView& view = plan_.views[tile.view];
    const ContextNetwork& network = *member_.network;
    const bool contexts = c_.context_gain != 0;
    const auto split = static_cast<int>(view.split);
    const auto table_of = [&](const ContextStepAxis& axis) {
      return mixed_.data() + (axis.slot * plan_.all_table_rows + plan_.table_offsets[axis.table]) * H;
    };
    std::vector<float> columns(view.run * H, 0.0f);  // [8, run]
    if (contexts) {
      const std::vector<int64_t> position = first_position(tile);
      for (const ContextStepAxis& axis : view.axes) {
        if (axis.factor < split) continue;
        const float* table = table_of(axis);
        for_each_element(view, position, [&](int64_t i, const std::vector<int64_t>& at) {
          const float* c = table + table_row(axis, at) * H;
          for (int k = 0; k < H; ++k) columns[k * view.run + i] += c[k];
        });
      }
    }
    std::vector<float> scratch;
    for_each_row(tile, scratch, [&](int tensor, const ContextRun& run, int64_t, const std::vector<int64_t>& position) {
      const int role = plan_.tensors[tensor].role;
      alignas(64) float row[H];
      for (int k = 0; k < H; ++k) row[k] = network.mix_bias[role][k] + (contexts ? of_tensor_[tensor * H + k] : 0.0f);
      if (contexts)
        for (const ContextStepAxis& axis : view.axes) {
          if (axis.factor >= split) continue;
          const float* c = table_of(axis) + table_row(axis, position) * H;
          for (int k = 0; k < H; ++k) row[k] += c[k];
        }
      float* out = member_.out.empty() ? nullptr : member_.out[tensor] + (run.w - member_.w[tensor]);
      context_step_run(run, constants_[tensor], network, role, row, columns.data(), view.run, out);
    });
  }

  const ContextStepPlan& plan_;
  const ContextStepConstants& c_;
  ContextStepMember& member_;
  const bool large_;
  ContextRunConstants shared_;
  double square_correction_ = 0;
  std::vector<ContextRunConstants> constants_;  // per tensor
  std::vector<ContextTensorStatistics> statistics_ = std::vector<ContextTensorStatistics>(plan_.tensors.size());
  std::vector<float> row_factors_, column_factors_;
  std::vector<float> contexts_;      // [table rows, 8]
  std::vector<float> mixed_;         // [3 slots, table rows, 8]
  std::vector<double> tensor_sums_;  // [tensors, 8]
  std::vector<float> of_tensor_;     // [tensors, 8]
};

}  // namespace

void context_step(const ContextStepPlan& plan, const ContextStepConstants& constants,
                  std::span<ContextStepMember> members) {
  const auto count = static_cast<int64_t>(members.size());
  for_each_piece(count, 1, count * plan.total >= kWorthAThread,
                 [&](int64_t p) { MemberStep(plan, constants, members[p])(); });
}

}  // namespace nfopt::cpu
