#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/learned_optimizer_impl.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <torch/torch.h>

#include <cmath>
#include <ostream>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

namespace nfopt {
namespace {

using torch::optim::OptimizerParamGroup;

std::vector<at::Tensor> distinct_tensors(const NamedParameters& parameters) {
  std::vector<at::Tensor> tensors;
  std::unordered_set<const void*> seen;
  for (const auto& [name, tensor] : parameters)
    if (seen.insert(tensor.unsafeGetTensorImpl()).second) tensors.push_back(tensor);
  return tensors;
}

/// Largest magnitude of all entries: finite exactly when all of them are. One device synchronisation.
double largest_magnitude(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& t : tensors)
    if (t.defined() && t.numel() > 0) flat.push_back(t.reshape({-1}));
  if (flat.empty()) return 0;
  return at::linalg_vector_norm(at::cat(flat), std::numeric_limits<double>::infinity()).item<double>();
}

}  // namespace

LearnedOptimizer::LearnedOptimizer(const NamedParameters& parameters, Rule rule, NamedTensors theta,
                                   LearnedOptimizerOptions options)
    : LearnedOptimizer(std::vector<OptimizerParamGroup>{OptimizerParamGroup(distinct_tensors(parameters))}, parameters,
                       std::move(rule), std::move(theta), std::move(options)) {}

LearnedOptimizer::LearnedOptimizer(const torch::nn::Module& module, Rule rule, NamedTensors theta,
                                   LearnedOptimizerOptions options)
    : LearnedOptimizer(named_parameters(module), std::move(rule), std::move(theta), std::move(options)) {}

LearnedOptimizer::LearnedOptimizer(const torch::nn::Module& module, const std::filesystem::path& meta_parameters,
                                   const WeightSpacePtr& space, LearnedOptimizerOptions options)
    : LearnedOptimizer(module, load_rule(meta_parameters, space), std::move(options)) {}

LearnedOptimizer::LearnedOptimizer(const torch::nn::Module& module, LoadedRule loaded, LearnedOptimizerOptions options)
    : LearnedOptimizer(module, std::move(loaded.rule), std::move(loaded.theta), std::move(options)) {}

LearnedOptimizer::LearnedOptimizer(const std::vector<OptimizerParamGroup>& groups, const NamedParameters& parameters,
                                   Rule rule, NamedTensors theta, LearnedOptimizerOptions defaults)
    : Optimizer(groups, std::make_unique<LearnedOptimizerOptions>(defaults)), impl_(std::make_unique<Impl>()) {
  check_theta(*rule, theta);
  impl_->rule = std::move(rule);
  impl_->theta = std::move(theta);
  impl_->binding = bind_parameters(*impl_->rule->space(), parameters);

  std::unordered_map<const void*, size_t> group_of;
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    if (dynamic_cast<LearnedOptimizerOptions*>(&param_groups_[i].options()) == nullptr)
      throw Error("optimizer", "group " + std::to_string(i) +
                                   " has options of another optimizer: expected "
                                   "LearnedOptimizerOptions.");
    for (const at::Tensor& t : param_groups_[i].params()) group_of.emplace(t.unsafeGetTensorImpl(), i);
    impl_->bound_tensors += param_groups_[i].params().size();
  }
  std::string problems;
  for (auto* list : {&impl_->binding.covered, &impl_->binding.uncovered}) {
    for (BoundParameter& p : *list) {
      const auto group = group_of.find(p.tensor.unsafeGetTensorImpl());
      if (group == group_of.end())
        problems += "\n  '" + p.name + "' is in no parameter group";
      else
        p.group = group->second;
      group_of.erase(p.tensor.unsafeGetTensorImpl());
    }
  }
  if (!defaults.fallback())
    for (const BoundParameter& p : impl_->binding.uncovered)
      problems += "\n  '" + p.name + "' " + describe_tensor(p.type, p.shape, p.device) +
                  " is not described by the weight space and no fallback is set";
  for (const auto& [name, tensor] : parameters) group_of.erase(tensor.unsafeGetTensorImpl());
  if (!group_of.empty())
    problems += "\n  the groups hold " + std::to_string(group_of.size()) + " tensors that have no name";
  if (!problems.empty())
    throw Error("optimizer",
                "not every parameter can be stepped:" + problems +
                    "\nDescribe the parameters in the weight space, or set LearnedOptimizerOptions::fallback.");

  impl_->set_theta();
  impl_->state = impl_->rule->init(impl_->params());
  for (const BoundParameter& p : impl_->binding.uncovered)
    impl_->fallback.push_back({0, at::zeros_like(p.tensor), at::zeros_like(p.tensor)});
}

LearnedOptimizer::~LearnedOptimizer() = default;

LearnedOptimizerOptions& LearnedOptimizer::group_options(size_t group) const {
  return static_cast<LearnedOptimizerOptions&>(const_cast<OptimizerParamGroup&>(param_groups_[group]).options());
}

at::Tensor LearnedOptimizer::step(LossClosure closure) {
  at::NoGradGuard no_grad;
  at::Tensor loss;
  if (closure) {
    at::AutoGradMode with_grad(true);
    loss = closure();
  }
  size_t tensors = 0;
  for (const auto& group : param_groups_) tensors += group.params().size();
  if (tensors != impl_->bound_tensors)
    throw Error("optimizer", "the parameter groups hold " + std::to_string(tensors) + " tensors, " +
                                 std::to_string(impl_->bound_tensors) +
                                 " at construction. Build a new optimizer when parameters are added.");
  check_unchanged(impl_->binding.covered);
  check_unchanged(impl_->binding.uncovered);

  const at::ScalarType type = compute_type(impl_->binding.covered.front().type);
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> all_gradients;  // those of uncovered parameters last
  std::string sparse;
  for (const auto* list : {&impl_->binding.covered, &impl_->binding.uncovered})
    for (const BoundParameter& p : *list) {
      const at::Tensor& g = p.tensor.grad();
      if (g.defined() && g.layout() != at::kStrided) sparse += "\n  '" + p.name + "'";
      all_gradients.push_back(g);
    }
  if (!sparse.empty()) throw Error("optimizer", "sparse gradients are not supported:" + sparse);
  for (size_t i = 0; i < impl_->binding.covered.size(); ++i)
    gradients.push_back(all_gradients[i].defined() ? all_gradients[i].to(type).unsqueeze(0) : at::Tensor());

  const auto& defaults = static_cast<const LearnedOptimizerOptions&>(*defaults_);
  StepContext context;
  context.step = impl_->steps;
  context.total_steps = defaults.total_steps();
  if (loss.defined()) context.loss = loss.detach().reshape({1});
  if (rule_steps_alone(all_gradients)) {
    const std::vector<at::Tensor> params = impl_->params();
    if (impl_->in_place == nullptr) impl_->in_place = impl_->rule->in_place_steps(impl_->compute_theta, params.front());
    impl_->in_place->step(params, gradients, impl_->state, context);
    step_uncovered(all_gradients);
    ++impl_->steps;
    return loss;
  }
  Update update = impl_->rule->update(impl_->compute_theta, impl_->params(), gradients, impl_->state, context);

  if (defaults.non_finite() != NonFinite::ignore && !all_finite(all_gradients, update.updates)) {
    ++impl_->skipped;
    return loss;
  }
  if (std::isfinite(defaults.max_update_norm())) {
    const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(update.updates)), 2);
    const at::Tensor scale = (defaults.max_update_norm() / norm).clamp_max(1);
    update.updates = at::_foreach_mul(update.updates, scale);
  }
  impl_->state = std::move(update.state);
  apply(update.updates, all_gradients);
  ++impl_->steps;
  return loss;
}

void LearnedOptimizer::apply(const std::vector<at::Tensor>& updates, const std::vector<at::Tensor>& gradients) {
  const auto& covered = impl_->binding.covered;
  for (size_t i = 0; i < covered.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const LearnedOptimizerOptions& options = group_options(covered[i].group);
    const at::Tensor& p = covered[i].tensor;
    if (options.weight_decay() != 0) p.mul_(1 - options.lr() * options.weight_decay());
    p.sub_(updates[i].squeeze(0).to(p.scalar_type()), options.lr());
  }
  step_uncovered(gradients);
}

bool LearnedOptimizer::rule_steps_alone(const std::vector<at::Tensor>& gradients) const {
  const auto& defaults = static_cast<const LearnedOptimizerOptions&>(*defaults_);
  if (defaults.non_finite() != NonFinite::ignore || std::isfinite(defaults.max_update_norm())) return false;
  const auto& covered = impl_->binding.covered;
  for (size_t i = 0; i < covered.size(); ++i) {
    const LearnedOptimizerOptions& options = group_options(covered[i].group);
    if (!gradients[i].defined() || options.lr() != 1 || options.weight_decay() != 0) return false;
    if (compute_type(covered[i].type) != covered[i].type) return false;
  }
  return true;
}

void LearnedOptimizer::step_uncovered(const std::vector<at::Tensor>& gradients) {
  const auto& covered = impl_->binding.covered;
  const auto& defaults = static_cast<const LearnedOptimizerOptions&>(*defaults_);
  const auto& uncovered = impl_->binding.uncovered;
  for (size_t i = 0; i < uncovered.size(); ++i) {
    const at::Tensor& g = gradients[covered.size() + i];
    if (g.defined())
      fallback_step(uncovered[i].tensor, g, impl_->fallback[i], *defaults.fallback(),
                    group_options(uncovered[i].group).lr());
  }
}

bool LearnedOptimizer::all_finite(const std::vector<at::Tensor>& gradients, const std::vector<at::Tensor>& updates) {
  if (std::isfinite(largest_magnitude(gradients)) && std::isfinite(largest_magnitude(updates))) return true;

  // Only now find out which ones.
  std::vector<const BoundParameter*> all;
  for (const auto* list : {&impl_->binding.covered, &impl_->binding.uncovered})
    for (const BoundParameter& p : *list) all.push_back(&p);
  std::string names;
  const auto add = [&](const std::vector<at::Tensor>& tensors, const char* what) {
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].defined() && !tensors[i].isfinite().all().item<bool>())
        names += "\n  " + std::string(what) + " of '" + all[i]->name + "'";
  };
  add(gradients, "gradient");
  if (names.empty()) add(updates, "update");
  impl_->last_skip = "step " + std::to_string(impl_->steps) + " has values that are not finite:" + names;
  if (static_cast<const LearnedOptimizerOptions&>(*defaults_).non_finite() == NonFinite::stop)
    throw Error("optimizer", impl_->last_skip +
                                 "\nParameters and state are those before the step. NonFinite::skip passes over such "
                                 "steps and counts them.");
  return false;
}

const UpdateRule& LearnedOptimizer::rule() const { return *impl_->rule; }
const NamedTensors& LearnedOptimizer::theta() const { return impl_->theta; }
int64_t LearnedOptimizer::steps() const { return impl_->steps; }
int64_t LearnedOptimizer::skipped_steps() const { return impl_->skipped; }
const std::string& LearnedOptimizer::last_skip() const { return impl_->last_skip; }

std::string LearnedOptimizer::describe() const {
  int64_t parameters = 0, bytes = 0, fallback = 0;
  for (const BoundParameter& p : impl_->binding.covered) parameters += p.tensor.numel();
  for (const auto& [name, tensor] : impl_->state) bytes += static_cast<int64_t>(tensor.nbytes());
  for (const BoundParameter& p : impl_->binding.uncovered) fallback += p.tensor.numel();
  std::ostringstream out;
  out << "LearnedOptimizer  " << impl_->rule->name() << ", " << impl_->theta.numel() << " weights";
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    const double lr = group_options(i).lr();
    out << (i == 0 ? ", lr " : " | ") << lr << (lr == 1 ? " (as meta-trained)" : "");
  }
  out << "\n  parameters  " << impl_->binding.covered.size() << " tensors, " << parameters << " numbers, "
      << impl_->rule->space()->labels().size() << " labels";
  out << "\n  state       " << bytes << " bytes on " << impl_->binding.covered.front().device << ", step "
      << impl_->steps;
  if (impl_->skipped > 0) out << ", " << impl_->skipped << " skipped";
  out << "\n  fallback    ";
  if (impl_->binding.uncovered.empty())
    out << "none";
  else
    out << "AdamW for " << impl_->binding.uncovered.size() << " tensors, " << fallback << " numbers";
  return out.str();
}

std::ostream& operator<<(std::ostream& out, const LearnedOptimizer& optimizer) { return out << optimizer.describe(); }

NamedParameters named_parameters(const torch::nn::Module& module) {
  NamedParameters parameters;
  for (const auto& item : module.named_parameters()) parameters.emplace_back(item.key(), item.value());
  return parameters;
}

}  // namespace nfopt
