#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/binding/live_tensors.h>
#include <nfopt/runtime/optimizers/feature_builder.h>
#include <nfopt/runtime/optimizers/fused_rule.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/parameter_space.h>
#include <nfopt/runtime/optimizers/step_form.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <nfopt/runtime/optimizers/update_network.h>
#include <torch/types.h>

#include <algorithm>
#include <numeric>

namespace nfopt {
namespace {

/// Whether somebody may ask for a derivative of the step.
bool wants_gradients(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, const RuleState& state) {
  if (!at::GradMode::is_enabled()) return false;
  const auto wants = [](const at::Tensor& t) { return t.defined() && t.requires_grad(); };
  const auto named = [&](const auto& entry) { return wants(entry.second); };
  return std::any_of(params.begin(), params.end(), wants) || std::any_of(grads.begin(), grads.end(), wants) ||
         std::any_of(theta.begin(), theta.end(), named) || std::any_of(state.begin(), state.end(), named);
}

/// One entry for all members, or one for each.
std::vector<int64_t> steps_of(const StepContext& context, int64_t members) {
  if (context.member_steps.empty()) return {context.step};
  if (context.member_steps.size() != static_cast<size_t>(members))
    throw Error("optimizer", "member_steps has " + std::to_string(context.member_steps.size()) +
                                 " entries, the population has " + std::to_string(members) +
                                 " members. Give the step of every member, or none.");
  return context.member_steps;
}

}  // namespace

struct LearnedRule::Parts {
  Parts(RuleDescription rule, const WeightSpacePtr& full_space)
      : description((check(rule), std::move(rule))),
        space(parameter_space(full_space)),
        layout(std::make_shared<const ParameterLayout>(*space)),
        features(description.features, *space, layout),
        network(description.network, *space, layout),
        step(make_step(description.step, description.features, layout)),
        // The kernels know no second moments.
        fused(description.features.adafactor ? nullptr : FusedRule::make(description, network.plan(), layout)),
        shapes(network.theta_shapes()) {
    if (description.context) throw Error("rule", "'context' is a rule of its own: use make_update_rule.");
    if (layout->size() == 0) throw Error("rule", "the weight space has no parameters to optimize.");
    for (ThetaShape& shape : step->theta_shapes()) shapes.push_back(std::move(shape));
    for (ThetaShape& shape : features.theta_shapes()) shapes.push_back(std::move(shape));
  }

  Update run(const UpdateRule& rule, const NamedTensors& theta, const std::vector<at::Tensor>& params,
             const std::vector<at::Tensor>& grads, const RuleState& state, const StepContext& context,
             RuleTrace* trace) const;
  /// Throws Error for parameters, gradients or state of another shape, type or device.
  void check_tensors(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                     const RuleState& state) const;
  /// Parameters without a gradient keep their state, and their update is 0.
  void keep_untouched(const std::vector<at::Tensor>& grads, const RuleState& old, Update& result) const;

  RuleDescription description;
  WeightSpacePtr space;
  std::shared_ptr<const ParameterLayout> layout;
  FeatureBuilder features;
  UpdateNetwork network;
  std::unique_ptr<Step> step;
  std::unique_ptr<const FusedRule> fused;  ///< null where the kernels have no path
  std::vector<ThetaShape> shapes;
};

void LearnedRule::Parts::check_tensors(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                                       const RuleState& state) const {
  layout->check(params, "parameters");
  layout->check(grads, "gradients", params.front());
  std::string problems;
  for (const auto& [name, tensor] : state) {
    const std::vector<int64_t>& numels = features.state_numels(name);
    const std::vector<int64_t> expected = {params.front().size(0), features.state_rows(name),
                                           std::accumulate(numels.begin(), numels.end(), int64_t{0})};
    if (!tensor.defined() || tensor.sizes() != at::IntArrayRef(expected))
      problems += "\n  '" + name + "': expected " + shape_text(expected) + ", received " +
                  (tensor.defined() ? shape_text(tensor.sizes()) : "nothing");
  }
  if (!problems.empty())
    throw Error("optimizer", "the state does not fit the parameters:" + problems + "\nIt comes from init().");
}

void LearnedRule::Parts::keep_untouched(const std::vector<at::Tensor>& grads, const RuleState& old,
                                        Update& result) const {
  for (size_t i = 0; i < grads.size(); ++i)
    if (!grads[i].defined()) result.updates[i] = at::zeros_like(result.updates[i]);
  for (auto& [name, tensor] : result.state) {
    const std::vector<int64_t>& numels = features.state_numels(name);
    std::vector<at::Tensor> parts = tensor.split_with_sizes(numels, -1);
    const std::vector<at::Tensor> old_parts = old.at(name).split_with_sizes(numels, -1);
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) parts[i] = old_parts[i];
    tensor = at::cat(parts, -1);
  }
}

Update LearnedRule::Parts::run(const UpdateRule& rule, const NamedTensors& theta, const std::vector<at::Tensor>& params,
                               const std::vector<at::Tensor>& grads, const RuleState& state, const StepContext& context,
                               RuleTrace* trace) const {
  check_tensors(params, grads, state);
  const std::vector<at::Tensor> values = theta_values(rule, shapes, theta, params.front());
  const std::span<const at::Tensor> all(values);
  const size_t network_size = network.theta_shapes().size(), features_size = features.theta_shapes().size();

  const bool complete = std::all_of(grads.begin(), grads.end(), [](const at::Tensor& g) { return g.defined(); });
  std::vector<at::Tensor> filled;
  if (!complete) {
    filled = grads;
    for (size_t i = 0; i < filled.size(); ++i)
      if (!filled[i].defined()) filled[i] = at::zeros_like(params[i]);
  }
  const at::Tensor p = layout->flatten(params);
  const at::Tensor g = layout->flatten(complete ? grads : filled);

  Update result;
  const std::vector<int64_t> steps = steps_of(context, p.size(0));
  features.advance(all.last(features_size), state, g, result.state);
  const at::Tensor normalized_momenta = features.normalized_momenta(result.state, steps);
  FeatureStages stages;
  const Features x =
      features.build(p, g, result.state, normalized_momenta, steps, trace != nullptr ? &stages : nullptr);
  const at::Tensor f = network.apply(all.first(network_size), x);
  const at::Tensor momenta = result.state.at("momenta");
  const at::Tensor u =
      step->update(all.subspan(network_size), {f, p, g, momenta, normalized_momenta, state}, result.state);
  result.updates = layout->unflatten(u);
  if (!complete) keep_untouched(grads, state, result);
  if (trace != nullptr) *trace = {stages.raw, stages.clipped, stages.normalized, x.joined(), x.constant.squeeze(0), f};
  return result;
}

LearnedRule::LearnedRule(RuleDescription description, const WeightSpacePtr& space)
    : parts_(std::make_unique<const Parts>(std::move(description), space)) {}
LearnedRule::~LearnedRule() = default;

const RuleDescription& LearnedRule::description() const { return parts_->description; }
std::string LearnedRule::name() const { return parts_->description.name; }
const WeightSpacePtr& LearnedRule::space() const { return parts_->space; }
std::string LearnedRule::describe() const { return to_json(parts_->description); }
std::vector<std::pair<std::string, std::vector<int64_t>>> LearnedRule::theta_shapes() const { return parts_->shapes; }

std::vector<LearnedRule::Slice> LearnedRule::slices() const {
  std::vector<Slice> slices;
  for (const auto& p : parts_->layout->parameters()) slices.push_back({p.name, p.shape, p.offset, p.numel});
  return slices;
}

std::vector<int64_t> LearnedRule::state_numels(const std::string& name) const {
  return parts_->features.state_numels(name);
}

NamedTensors LearnedRule::initial_theta(const Rng& rng) const {
  std::vector<at::Tensor> values = parts_->network.initial_theta(rng);
  for (at::Tensor& value : parts_->step->initial_theta()) values.push_back(std::move(value));
  for (at::Tensor& value : parts_->features.initial_theta()) values.push_back(std::move(value));
  NamedTensors theta;
  for (size_t i = 0; i < values.size(); ++i) theta.add(parts_->shapes[i].first, std::move(values[i]));
  return theta;
}

RuleState LearnedRule::init(const std::vector<at::Tensor>& params) const {
  parts_->layout->check(params, "parameters");
  RuleState state;
  const int64_t members = params.front().size(0);
  parts_->features.add_state(state, members, params.front().options());
  parts_->step->add_state(state, members, parts_->layout->total(), params.front().options());
  return state;
}

bool LearnedRule::is_fused() const { return parts_->fused != nullptr; }

Update LearnedRule::update(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                           const std::vector<at::Tensor>& grads, const RuleState& state,
                           const StepContext& context) const {
  if (parts_->fused == nullptr || wants_gradients(theta, params, grads, state) ||
      !FusedRule::accepts(params, grads, state))
    return parts_->run(*this, theta, params, grads, state, context, nullptr);
  parts_->check_tensors(params, grads, state);
  const std::vector<at::Tensor> values = theta_values(*this, parts_->shapes, theta, params.front());
  return parts_->fused->update(parts_->fused->pack(values), params, grads, state,
                               steps_of(context, params.front().size(0)));
}

class LearnedRule::FusedSteps final : public InPlaceSteps {
 public:
  FusedSteps(const LearnedRule& rule, const NamedTensors& theta, const at::Tensor& like)
      : rule_(rule),
        theta_(theta),
        type_(like.scalar_type()),
        packed_(rule.parts_->fused->pack(theta_values(rule, rule.parts_->shapes, theta, like))) {}

  void step(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads, RuleState& state,
            const StepContext& context) override {
    const at::NoGradGuard no_grad;
    if (!FusedRule::accepts(params, grads, state) || params.front().scalar_type() != type_)
      return rule_.UpdateRule::step_in_place(theta_, params, grads, state, context);
    rule_.parts_->check_tensors(params, grads, state);
    check_members(packed_.members, params.front());
    rule_.parts_->fused->step_in_place(packed_, params, grads, state, steps_of(context, params.front().size(0)),
                                       workspace_);
  }

 private:
  const LearnedRule& rule_;
  NamedTensors theta_;
  at::ScalarType type_;
  FusedRule::PackedTheta packed_;
  at::Tensor workspace_;
};

std::unique_ptr<InPlaceSteps> LearnedRule::in_place_steps(const NamedTensors& theta, const at::Tensor& like) const {
  const bool fits = like.is_cpu() && (like.scalar_type() == at::kFloat || like.scalar_type() == at::kDouble);
  if (parts_->fused == nullptr || !fits) return UpdateRule::in_place_steps(theta, like);
  const at::NoGradGuard no_grad;
  return std::make_unique<FusedSteps>(*this, theta, like);
}

void LearnedRule::step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                                const std::vector<at::Tensor>& grads, RuleState& state,
                                const StepContext& context) const {
  const at::NoGradGuard no_grad;
  if (parts_->fused == nullptr || !FusedRule::accepts(params, grads, state))
    return UpdateRule::step_in_place(theta, params, grads, state, context);
  FusedSteps(*this, theta, params.front()).step(params, grads, state, context);
}

Update LearnedRule::update_with_aten(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                                     const std::vector<at::Tensor>& grads, const RuleState& state,
                                     const StepContext& context) const {
  return parts_->run(*this, theta, params, grads, state, context, nullptr);
}

Update LearnedRule::update_traced(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                                  const std::vector<at::Tensor>& grads, const RuleState& state,
                                  const StepContext& context, RuleTrace& trace) const {
  return parts_->run(*this, theta, params, grads, state, context, &trace);
}

}  // namespace nfopt
