#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/network_unroll.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

constexpr int64_t kCounters = 4;  // restarts, steps, counter, ended

void scale_weights(Members& members, double scale) {
  if (scale == 1.0) return;
  const auto& described = members.space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    if (described[i].kind == Kind::parameter && (described[i].role == Role::weight || described[i].role == Role::table))
      members.tensors()[i].mul_(scale);
}

std::vector<at::Tensor> select(const std::vector<at::Tensor>& tensors, const std::vector<int>& indices) {
  std::vector<at::Tensor> selected;
  selected.reserve(indices.size());
  for (const int i : indices) selected.push_back(tensors[i]);
  return selected;
}

}  // namespace

NetworkUnroll::NetworkUnroll(std::shared_ptr<const TaskFamily> family, RuleFactory rules, const ThetaLayout& layout,
                             const NetworkUnrollOptions& options)
    : family_(std::move(family)),
      rules_(std::move(rules)),
      layout_(layout),
      options_(options),
      task_(family_->task(options.rng.purpose("task").index(options.first_particle).index(0))),
      members_(Members::zeros(task_->space(), options.signs * options.particles,
                              at::TensorOptions().dtype(family_->dtype()))),
      particles_(options.particles),
      diverged_(options.signs * options.particles, false) {
  adopt_task();
  begin_all();
  if (!options_.random_offsets) return;
  for (int64_t i = 0; i < particles(); ++i) {
    Particle& particle = particles_[i];
    particle.counter = family_->one_shape() || i == 0 ? particle_rng("offset", i).integer(0, particle.variation.horizon)
                                                      : particles_[0].counter;
  }
}

Rng NetworkUnroll::particle_rng(const char* purpose, int64_t i) const {
  return options_.rng.purpose(purpose)
      .index(static_cast<uint64_t>(options_.first_particle + i))
      .index(static_cast<uint64_t>(particles_[i].restarts));
}

double NetworkUnroll::cost() const {
  const double weights = static_cast<double>(task_->space()->parameter_count());
  return static_cast<double>(size()) * weights * (static_cast<double>(task_->batch_size()) * 3.0 + 1000.0);
}

void NetworkUnroll::adopt_task() {
  rule_ = rules_(task_->space());
  layout_.check(*rule_);
  batches_ = std::make_unique<ParticleBatches>(*task_, particles());
  gradient_ = make_task_gradient(task_, particles(), signs());
  members_ = Members::zeros(task_->space(), size(), at::TensorOptions().dtype(family_->dtype()));
  parameters_.clear();
  const auto& described = task_->space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    if (described[i].kind == Kind::parameter) parameters_.push_back(static_cast<int>(i));
  rule_state_ = rule_->init(select(members_.tensors(), parameters_));
}

void NetworkUnroll::draw_variation(int64_t i) {
  Particle& particle = particles_[i];
  particle.variation = family_->variation(*task_, particle_rng("variation", i));
  if (!family_->one_shape()) particle.variation.horizon = particles_[0].variation.horizon;
}

void NetworkUnroll::replace_rows(at::Tensor& tensor, const at::Tensor& fresh, int64_t i) const {
  if (tensor.requires_grad()) {  // part of a graph: no writing into it
    std::vector<at::Tensor> rows = tensor.unbind(0);
    for (int64_t m = i; m < size(); m += particles()) rows[m] = fresh[0];
    tensor = at::stack(rows);
    return;
  }
  for (int64_t m = i; m < size(); m += particles()) tensor[m].copy_(fresh[0]);
}

/// Weights, rule state and counters of particle i as at the start of a trajectory, under its present restart number.
void NetworkUnroll::begin_trajectory(int64_t i) {
  draw_variation(i);
  Members fresh = task_->initialize(1, particle_rng("init", i));
  scale_weights(fresh, particles_[i].variation.initial_scale);
  for (size_t k = 0; k < fresh.tensors().size(); ++k) replace_rows(members_.tensors()[k], fresh.tensors()[k], i);
  const RuleState state = rule_->init(select(fresh.tensors(), parameters_));
  for (auto& [name, tensor] : rule_state_) replace_rows(tensor, state.at(name), i);
  particles_[i].steps = particles_[i].counter = 0;
  particles_[i].ended = false;
  for (int64_t m = i; m < size(); m += particles()) diverged_[m] = false;
}

void NetworkUnroll::begin_all() {
  if (!family_->one_shape() && particles_[0].restarts > 0) {
    task_ = family_->task(options_.rng.purpose("task")
                              .index(static_cast<uint64_t>(options_.first_particle))
                              .index(static_cast<uint64_t>(particles_[0].restarts)));
    adopt_task();
  }
  for (int64_t i = 0; i < particles(); ++i) begin_trajectory(i);
}

int64_t NetworkUnroll::restart() {
  const at::NoGradGuard no_grad;
  for (Particle& particle : particles_) ++particle.restarts;
  begin_all();
  int64_t horizon = 0;
  for (const Particle& particle : particles_) horizon = std::max(horizon, particle.variation.horizon);
  return horizon;
}

std::vector<bool> NetworkUnroll::restarting(const UnrollPlan& plan, int64_t t) const {
  std::vector<bool> restart(particles(), false);
  if (plan.restart == Restart::never || (plan.restart == Restart::window_start && t > 0)) return restart;
  const bool all = std::all_of(particles_.begin(), particles_.end(), [](const Particle& p) { return p.ended; });
  if (!family_->one_shape() && !all) return restart;
  for (int64_t i = 0; i < particles(); ++i) restart[i] = particles_[i].ended;
  return restart;
}

StepContext NetworkUnroll::context(const at::Tensor& loss) const {
  StepContext context;
  context.step = particles_[0].steps;
  context.total_steps = particles_[0].variation.horizon;
  context.loss = loss;
  const auto as_first = [&](const Particle& p) {
    return p.steps == particles_[0].steps && p.variation.horizon == particles_[0].variation.horizon;
  };
  if (std::all_of(particles_.begin(), particles_.end(), as_first)) return context;
  for (int64_t s = 0; s < signs(); ++s)
    for (const Particle& p : particles_) {
      context.member_steps.push_back(p.steps);
      context.member_total_steps.push_back(p.variation.horizon);
    }
  return context;
}

void NetworkUnroll::draw_batches() {
  for (int64_t i = 0; i < particles(); ++i)
    batches_->draw(i, particle_rng("data", i).index(static_cast<uint64_t>(particles_[i].steps)),
                   particles_[i].variation, particle_rng("noise", i));
}

at::Tensor NetworkUnroll::step(InPlaceSteps& rule) {
  const at::NoGradGuard no_grad;
  (*gradient_)(members_, batches_->examples(), Pass{true, particle_rng("pass", 0).index(particles_[0].steps)});
  const std::vector<at::Tensor> params = select(members_.tensors(), parameters_);
  rule.step(params, gradient_->gradients(), rule_state_, context(gradient_->loss()));
  return gradient_->loss();
}

at::Tensor NetworkUnroll::differentiable_step(const NamedTensors& theta) {
  std::vector<at::Tensor>& tensors = members_.tensors();
  for (const int i : parameters_)
    if (!tensors[i].requires_grad()) tensors[i] = tensors[i].detach().clone().requires_grad_(true);
  const std::vector<at::Tensor> params = select(tensors, parameters_);
  // The graph remembers the batch: the buffers of the next step must not be the same memory.
  const Examples batch = {batches_->examples().inputs.clone(), batches_->examples().targets.clone()};
  const at::Tensor loss =
      task_->member_losses(members_, batch, Pass{true, particle_rng("pass", 0).index(particles_[0].steps)});
  std::vector<at::Tensor> grads = torch::autograd::grad({loss.sum()}, params, {}, true, true, true);
  Update update = rule_->update(theta, params, grads, rule_state_, context(loss));
  for (size_t k = 0; k < parameters_.size(); ++k) tensors[parameters_[k]] = params[k] - update.updates[k];
  rule_state_ = std::move(update.state);
  return loss;
}

Window NetworkUnroll::run(const at::Tensor& flat_theta, const UnrollPlan& plan) {
  const bool differentiable = at::GradMode::is_enabled() && flat_theta.requires_grad();
  if (differentiable && signs() != 1) throw Error("meta", "only an unroll with one sign can be differentiated.");
  if (flat_theta.dim() != 2 || flat_theta.size(0) != size())
    throw Error("meta", "the unroll has " + std::to_string(size()) + " members: expected theta [" +
                            std::to_string(size()) + ", " + std::to_string(layout_.size()) + "].");
  const at::AutoGradMode grad(differentiable);
  const NamedTensors theta = layout_.unflatten(flat_theta, family_->dtype());

  const int64_t steps = plan.steps, count = particles(), all = size();
  Window window;
  window.loss = at::zeros({steps, all}, at::kDouble);
  window.done = at::zeros({steps, count}, at::kBool);
  window.mask = at::zeros({steps, count}, at::kDouble);
  auto loss = window.loss.accessor<double, 2>();
  auto done = window.done.accessor<bool, 2>();
  auto mask = window.mask.accessor<double, 2>();
  std::vector<at::Tensor> graph_losses;
  std::vector<double> weights(static_cast<size_t>(all));

  const double top = TaskFamily::loss_bound(*task_);
  std::unique_ptr<InPlaceSteps> in_place;
  std::shared_ptr<const UpdateRule> prepared;  // the rule of in_place: a restart may bring another one
  for (int64_t t = 0; t < steps; ++t) {
    const std::vector<bool> restart = restarting(plan, t);
    const auto trains = [&](int64_t i) {
      return !restart[i] && (plan.restart == Restart::never || !particles_[i].ended);
    };
    bool any = false;
    for (int64_t i = 0; i < count; ++i) any = any || trains(i);
    at::Tensor raw;
    if (any) {
      draw_batches();
      if (!differentiable && prepared != rule_) {
        in_place = rule_->in_place_steps(theta, members_.tensors()[parameters_.front()]);
        prepared = rule_;
      }
      raw = differentiable ? differentiable_step(theta) : step(*in_place);
      const at::Tensor values = raw.detach().to(at::kDouble).contiguous();
      const double* value = values.const_data_ptr<double>();
      for (int64_t i = 0; i < count; ++i) {
        if (!trains(i)) continue;
        mask[t][i] = 1.0;
        // Whole trajectories (Restart::never) have an objective of their own: TrajectoryLoss, or an evaluation.
        const double weight = plan.restart == Restart::never
                                  ? 1.0
                                  : family_->loss_weight(particles_[i].steps, particles_[i].variation.horizon);
        for (int64_t m = i; m < all; m += count) {
          weights[static_cast<size_t>(m)] = weight;
          if (!std::isfinite(value[m]) && !diverged_[m]) {
            diverged_[m] = true;
            ++window.diverged;
          }
          loss[t][m] = weight * (diverged_[m] ? top : std::min(top, std::max(0.0, value[m])));
          ++window.steps;
        }
        Particle& particle = particles_[i];
        ++particle.steps;
        ++particle.counter;
        if (plan.restart == Restart::never) continue;
        bool lost = false;
        for (int64_t m = i; m < all; m += count) lost = lost || diverged_[m];
        if (particle.counter >= particle.variation.horizon || (lost && t + 1 == steps))
          particle.ended = done[t][i] = true;
      }
    }
    if (differentiable) {
      at::Tensor row = at::zeros({all}, at::kDouble);
      if (raw.defined()) {
        const at::Tensor weight = at::tensor(weights, at::kDouble);
        const at::Tensor kept = window.loss[t] < top * weight;  // at the bound, or not training: nothing flows
        row = at::where(kept.logical_and(window.mask[t] > 0), raw.to(at::kDouble).clamp_min(0.0) * weight,
                        window.loss[t]);
      }
      graph_losses.push_back(row);
    }
    // What the step did to a particle that restarts is overwritten: cheaper than leaving it out of the population.
    if (std::all_of(restart.begin(), restart.end(), [](bool r) { return r; })) {
      for (Particle& particle : particles_) ++particle.restarts;
      begin_all();
    } else {
      for (int64_t i = 0; i < count; ++i) {
        if (!restart[i]) continue;
        ++particles_[i].restarts;
        begin_trajectory(i);
      }
    }
  }
  if (differentiable && steps > 0) window.loss = at::stack(graph_losses);
  return window;
}

at::Tensor NetworkUnroll::final_losses(int64_t batches) {
  const at::NoGradGuard no_grad;
  const double top = TaskFamily::loss_bound(*task_);
  at::Tensor sums = at::zeros({size()}, at::kDouble);
  for (int64_t b = 0; b < batches; ++b) {
    for (int64_t i = 0; i < particles(); ++i)
      batches_->draw(i, particle_rng("final", i).index(static_cast<uint64_t>(b)), particles_[i].variation,
                     particle_rng("noise", i));
    for (int64_t s = 0; s < signs(); ++s) {
      std::vector<at::Tensor> half;
      for (const at::Tensor& tensor : members_.tensors())
        half.push_back(tensor.narrow(0, s * particles(), particles()));
      Members one_sign(members_.space(), half);
      const at::Tensor loss = task_->member_losses(one_sign, batches_->examples(), Pass{}).to(at::kDouble);
      sums.narrow(0, s * particles(), particles()).add_(loss.clamp(0.0, top).nan_to_num(top));
    }
  }
  return sums.div_(static_cast<double>(batches));
}

void NetworkUnroll::copy_positive_to_negative() {
  if (signs() != 2) return;
  const at::NoGradGuard no_grad;
  const auto copy = [&](const at::Tensor& tensor) {
    tensor.narrow(0, particles(), particles()).copy_(tensor.narrow(0, 0, particles()));
  };
  for (const at::Tensor& tensor : members_.tensors()) copy(tensor);
  for (const auto& [name, tensor] : rule_state_) copy(tensor);
  for (int64_t i = 0; i < particles(); ++i) diverged_[particles() + i] = diverged_[i];
}

std::vector<at::Tensor> NetworkUnroll::carried() const {
  std::vector<at::Tensor> tensors = select(members_.tensors(), parameters_);
  for (const auto& [name, tensor] : rule_state_)
    if (tensor.is_floating_point()) tensors.push_back(tensor);
  return tensors;
}

void NetworkUnroll::set_carried(const std::vector<at::Tensor>& tensors) {
  size_t k = 0;
  for (const int i : parameters_) members_.tensors()[i] = tensors.at(k++);
  for (auto& [name, tensor] : rule_state_)
    if (tensor.is_floating_point()) tensor = tensors.at(k++);
}

NamedTensors NetworkUnroll::state() const {
  at::Tensor counters = at::empty({particles(), kCounters}, at::kLong);
  auto counter = counters.accessor<int64_t, 2>();
  for (int64_t i = 0; i < particles(); ++i) {
    const Particle& p = particles_[i];
    int64_t k = 0;
    for (const int64_t value : {p.restarts, p.steps, p.counter, static_cast<int64_t>(p.ended)}) counter[i][k++] = value;
  }
  at::Tensor diverged = at::empty({size()}, at::kLong);
  for (int64_t m = 0; m < size(); ++m) diverged[m].fill_(diverged_[m] ? 1 : 0);

  NamedTensors state;
  state.add("counters", counters);
  state.add("diverged", diverged);
  const auto& described = task_->space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    state.add("member." + described[i].name, members_.tensors()[i].detach().clone());
  for (const auto& [name, tensor] : rule_state_) state.add("rule." + name, tensor.detach().clone());
  return state;
}

void NetworkUnroll::load_state(const NamedTensors& state) {
  const at::NoGradGuard no_grad;
  const at::Tensor& counters = state.at("counters");
  if (counters.sizes() != at::IntArrayRef({particles(), kCounters}) || counters.scalar_type() != at::kLong)
    throw Error("meta", "the saved unroll has other particles than this run: expected counters of " +
                            std::to_string(particles()) + ". Resume with the configuration that wrote it.");
  const auto counter = counters.accessor<int64_t, 2>();
  for (int64_t i = 0; i < particles(); ++i) {
    Particle& p = particles_[i];
    p.restarts = counter[i][0];
    p.steps = counter[i][1];
    p.counter = counter[i][2];
    p.ended = counter[i][3] != 0;
  }
  // Tasks are functions of the restart numbers; only what training made is stored.
  task_ = family_->task(options_.rng.purpose("task")
                            .index(static_cast<uint64_t>(options_.first_particle))
                            .index(static_cast<uint64_t>(family_->one_shape() ? 0 : particles_[0].restarts)));
  adopt_task();
  for (int64_t i = 0; i < particles(); ++i) draw_variation(i);
  for (int64_t m = 0; m < size(); ++m) diverged_[m] = state.at("diverged")[m].item<int64_t>() != 0;

  const auto load = [&](at::Tensor& into, const std::string& name) {
    const at::Tensor& saved = state.at(name);
    if (saved.sizes() != into.sizes() || saved.scalar_type() != into.scalar_type())
      throw Error("meta",
                  "the saved '" + name + "' has another shape or type. Resume with the configuration that wrote it.");
    into.copy_(saved);
  };
  const auto& described = task_->space()->tensors();
  for (size_t i = 0; i < described.size(); ++i) load(members_.tensors()[i], "member." + described[i].name);
  for (auto& [name, tensor] : rule_state_) load(tensor, "rule." + name);
}

}  // namespace nfopt
