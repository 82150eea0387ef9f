#include <nfopt/runtime/optimizers/factored_moments.h>
#include <torch/types.h>

#include <numeric>

namespace nfopt {
namespace {

constexpr const char *kRows = "factored_rows", *kColumns = "factored_columns";
constexpr int64_t kLeading = 2;  // [P, K]

std::vector<int64_t> without(std::vector<int64_t> shape, int64_t axis) {
  shape.erase(shape.begin() + axis);
  return shape;
}

/// [P, K, n] as [P, K, shape...]
at::Tensor in_shape(const at::Tensor& flat, const std::vector<int64_t>& shape) {
  std::vector<int64_t> sizes = {flat.size(0), flat.size(1)};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return flat.reshape(sizes);
}

at::Tensor end_to_end(const at::Tensor& x) { return x.dim() == kLeading ? x.unsqueeze(kLeading) : x.flatten(kLeading); }

}  // namespace

FactoredMoments::FactoredMoments(const AdafactorDescription& description, const WeightSpace& space,
                                 std::shared_ptr<const ParameterLayout> layout)
    : description_(description), layout_(std::move(layout)), axes_(factored_axes(space)) {
  for (size_t i = 0; i < axes_.size(); ++i) {
    const auto& parameter = layout_->parameters()[i];
    rows_.push_back(axes_[i] ? parameter.numel / parameter.shape[axes_[i]->d0] : parameter.numel);
    columns_.push_back(axes_[i] ? parameter.numel / parameter.shape[axes_[i]->d1] : 0);
  }
}

void FactoredMoments::add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const {
  const auto decays = static_cast<int64_t>(description_.decays.size());
  const auto zeros = [&](const std::vector<int64_t>& numels) {
    return at::zeros({members, decays, std::accumulate(numels.begin(), numels.end(), int64_t{0})}, options);
  };
  state.add(kRows, zeros(rows_));
  state.add(kColumns, zeros(columns_));
}

void FactoredMoments::advance(const NamedTensors& old, const at::Tensor& g, const at::Tensor& one_minus_decay,
                              NamedTensors& state) const {
  std::vector<at::Tensor> rows, columns;
  const std::vector<at::Tensor> parts = layout_->split(g.square().add(description_.square_epsilon).unsqueeze(1));
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (!axes_[i]) {
      rows.push_back(parts[i]);
      continue;
    }
    const at::Tensor squares = in_shape(parts[i], layout_->parameters()[i].shape);
    rows.push_back(end_to_end(squares.mean(kLeading + axes_[i]->d0)));
    columns.push_back(end_to_end(squares.mean(kLeading + axes_[i]->d1)));
  }
  if (columns.empty()) columns.push_back(parts.front().narrow(-1, 0, 0));
  state.add(kRows, at::lerp(old.at(kRows), at::cat(rows, -1), one_minus_decay));
  state.add(kColumns, at::lerp(old.at(kColumns), at::cat(columns, -1), one_minus_decay));
}

FactoredMoments::Seen FactoredMoments::seen(const NamedTensors& state) const {
  const auto safe = [&](const at::Tensor& x) { return x.clamp_min(description_.floor).rsqrt(); };
  const std::vector<at::Tensor> all_rows = state.at(kRows).split_with_sizes(rows_, -1);
  const std::vector<at::Tensor> all_columns = state.at(kColumns).split_with_sizes(columns_, -1);
  std::vector<at::Tensor> rows, columns, gradient_scale, momentum_scale;
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (!axes_[i]) {
      rows.push_back(all_rows[i]);
      columns.push_back(all_rows[i]);
      gradient_scale.push_back(safe(all_rows[i] + description_.mean_epsilon));
      momentum_scale.push_back((all_rows[i] + description_.rms_epsilon).rsqrt());
      continue;
    }
    const auto [d0, d1] = *axes_[i];
    const std::vector<int64_t>& shape = layout_->parameters()[i].shape;
    const at::Tensor row = in_shape(all_rows[i], without(shape, d0)),
                     column = in_shape(all_columns[i], without(shape, d1));
    const int64_t d1_of_row = kLeading + (d1 > d0 ? d1 - 1 : d1);
    const at::Tensor row_scale = safe(row / (row.mean(d1_of_row, /*keepdim=*/true) + description_.mean_epsilon));
    const auto along_rows = [d = d0](const at::Tensor& t) { return t.unsqueeze(kLeading + d); };
    const auto along_columns = [d = d1](const at::Tensor& t) { return t.unsqueeze(kLeading + d); };
    const at::Tensor scale = along_rows(row_scale) * along_columns(safe(column));
    rows.push_back(end_to_end(along_rows(row).expand(scale.sizes())));
    columns.push_back(end_to_end(along_columns(column).expand(scale.sizes())));
    gradient_scale.push_back(end_to_end(scale));
    momentum_scale.push_back(gradient_scale.back());
  }
  return {at::cat(rows, -1), at::cat(columns, -1), at::cat(gradient_scale, -1), at::cat(momentum_scale, -1)};
}

const std::vector<int64_t>& FactoredMoments::numels(std::string_view name) const {
  static const std::vector<int64_t> none;
  return name == kRows ? rows_ : name == kColumns ? columns_ : none;
}

}  // namespace nfopt
