#include <nfopt/runtime/optimizers/context_accumulators.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

/// [P, shape...] from [P, 1, n] and back.
at::Tensor shaped(const at::Tensor& flat, const std::vector<int64_t>& shape) {
  std::vector<int64_t> sizes = {flat.size(0)};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return flat.reshape(sizes);
}

std::vector<int64_t> with_one(std::vector<int64_t> shape, int axis) {
  shape[axis] = 1;
  return shape;
}

/// 1 / (1 - decay^n) without cancellation.
at::Tensor correction(const at::Tensor& n, double decay) {
  if (decay == 0) return at::ones_like(n);
  return -1 / at::expm1(n * std::log(decay));
}

}  // namespace

ContextAccumulators::ContextAccumulators(const ContextDescription& description,
                                         std::shared_ptr<const ParameterLayout> layout,
                                         std::vector<ContextTensor> tensors)
    : description_(description), layout_(std::move(layout)), tensors_(std::move(tensors)) {}

std::vector<at::Tensor> ContextAccumulators::split(const at::Tensor& flat, int64_t ContextTensor::*size) const {
  std::vector<int64_t> sizes;
  for (const ContextTensor& t : tensors_) sizes.push_back(t.*size);
  return flat.split_with_sizes(sizes, -1);
}

RuleState ContextAccumulators::init(int64_t members, const at::TensorOptions& options) const {
  int64_t rows = 0, columns = 0;
  for (const ContextTensor& t : tensors_) {
    rows += t.rows;
    columns += t.columns;
  }
  const auto zeros = [&](int64_t k, int64_t n) { return at::zeros({members, k, n}, options.requires_grad(false)); };
  RuleState state;
  state.add("momenta", zeros(3, layout_->total()));
  state.add("squares", zeros(1, layout_->total()));
  state.add("rows", zeros(1, rows));
  state.add("columns", zeros(1, columns));
  state.add("counts", zeros(1, 1));
  state.add("loss", zeros(3, 1));
  return state;
}

RuleState ContextAccumulators::advance(const RuleState& old, const at::Tensor& g, const at::Tensor& loss) const {
  const ContextDescription& d = description_;
  const at::Tensor squares = g * g;
  std::vector<double> weights;
  for (const double decay : d.momentum_decays) weights.push_back(1 - decay);
  const at::Tensor momenta = at::lerp(old.at("momenta"), g.unsqueeze(1),
                                      at::tensor(weights, g.options().requires_grad(false)).view({1, -1, 1}));

  std::vector<at::Tensor> row_means, column_means;
  const std::vector<at::Tensor> parts = layout_->unflatten(squares);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].factored()) continue;
    row_means.push_back(parts[i].mean(tensors_[i].row_axis + 1).flatten(1).unsqueeze(1));
    column_means.push_back(parts[i].mean(tensors_[i].column_axis + 1).flatten(1).unsqueeze(1));
  }
  const auto advanced = [&](const char* name, const std::vector<at::Tensor>& means) {
    return means.empty() ? old.at(name) : at::lerp(old.at(name), at::cat(means, 2), 1 - d.square_decay);
  };

  RuleState state;
  state.add("momenta", momenta);
  state.add("squares", at::lerp(old.at("squares"), squares.unsqueeze(1), 1 - d.square_decay));
  state.add("rows", advanced("rows", row_means));
  state.add("columns", advanced("columns", column_means));
  state.add("counts", old.at("counts") + 1);
  at::Tensor memory = old.at("loss");
  if (loss.defined()) {
    const at::Tensor value = loss.detach().to(g.options()).reshape({-1, 1, 1});
    const at::Tensor average = memory.narrow(1, 0, 1), number = memory.narrow(1, 1, 1), first = memory.narrow(1, 2, 1);
    memory = at::cat({at::lerp(average, value, 1 - d.loss_decay), number + 1, at::where(number == 0, value, first)}, 1);
  }
  state.add("loss", memory);
  return state;
}

void ContextAccumulators::keep(const std::vector<at::Tensor>& grads, const RuleState& old, RuleState& state) const {
  const auto restore = [&](const char* name, std::vector<at::Tensor> parts, const std::vector<at::Tensor>& before) {
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) parts[i] = before[i];
    state.at(name) = at::cat(parts, -1);
  };
  for (const char* name : {"momenta", "squares"})
    restore(name, layout_->split(state.at(name)), layout_->split(old.at(name)));
  restore("rows", split(state.at("rows"), &ContextTensor::rows), split(old.at("rows"), &ContextTensor::rows));
  restore("columns", split(state.at("columns"), &ContextTensor::columns),
          split(old.at("columns"), &ContextTensor::columns));
}

ContextAccumulators::Averages ContextAccumulators::averages(const RuleState& state) const {
  const ContextDescription& d = description_;
  const at::Tensor n = state.at("counts");
  std::vector<at::Tensor> corrections;
  for (const double decay : d.momentum_decays) corrections.push_back(correction(n, decay));
  const at::Tensor squares_correction = correction(n, d.square_decay);

  Averages result;
  result.momenta = state.at("momenta") * at::cat(corrections, 1);
  result.squares = (state.at("squares") * squares_correction).squeeze(1);
  const std::vector<at::Tensor> rows = split(state.at("rows") * squares_correction, &ContextTensor::rows);
  const std::vector<at::Tensor> columns = split(state.at("columns") * squares_correction, &ContextTensor::columns);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const ContextTensor& t = tensors_[i];
    result.factors.emplace_back();
    if (!t.factored()) continue;
    const std::vector<int64_t>& shape = layout_->parameters()[i].shape;
    const at::Tensor row = shaped(rows[i], with_one(shape, t.row_axis));
    const at::Tensor column = shaped(columns[i], with_one(shape, t.column_axis));
    const at::Tensor relative = row / (row.mean(t.column_axis + 1, /*keepdim=*/true) + d.floor);
    result.factors.back() = ((relative + d.row_epsilon).rsqrt() * (column + d.column_epsilon).rsqrt()).flatten(1);
  }
  return result;
}

at::Tensor ContextAccumulators::loss_trend(const RuleState& state) const {
  const ContextDescription& d = description_;
  const at::Tensor& memory = state.at("loss");
  const at::Tensor number = memory.select(1, 1);
  const at::Tensor average = memory.select(1, 0) * correction(number.clamp_min(1), d.loss_decay);
  const at::Tensor ratio = (average.clamp_min(0) + d.floor) / (memory.select(1, 2).clamp_min(0) + d.floor);
  return ratio.log().clamp(-d.loss_clip, d.loss_clip) * (number > 0);
}

}  // namespace nfopt
