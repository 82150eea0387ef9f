#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/optimizers/rule_description.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

template <class E>
using Names = std::vector<std::pair<E, const char*>>;

const Names<FeatureInput> kInputs = {{FeatureInput::parameter, "parameter"},
                                     {FeatureInput::gradient, "gradient"},
                                     {FeatureInput::momenta, "momenta"},
                                     {FeatureInput::normalized_momenta, "normalized_momenta"},
                                     {FeatureInput::rms, "rms"},
                                     {FeatureInput::inverse_rms, "inverse_rms"},
                                     {FeatureInput::scaled_momenta, "scaled_momenta"},
                                     {FeatureInput::factored_gradient, "factored_gradient"},
                                     {FeatureInput::factored_momenta, "factored_momenta"},
                                     {FeatureInput::rows, "rows"},
                                     {FeatureInput::columns, "columns"},
                                     {FeatureInput::inverse_rows, "inverse_rows"},
                                     {FeatureInput::inverse_columns, "inverse_columns"}};
const Names<Normalization> kNormalizations = {{Normalization::tensor_rms, "tensor_rms"},
                                              {Normalization::channel_rms, "channel_rms"},
                                              {Normalization::standardized, "standardized"}};
const Names<LayerType> kLayerTypes = {{LayerType::dense, "dense"},
                                      {LayerType::unf, "unf"},
                                      {LayerType::unf_plus_pointwise, "unf_plus_pointwise"},
                                      {LayerType::unf_pool, "unf_pool"},
                                      {LayerType::deep_set, "deep_set"}};
const Names<DenseInit> kDenseInits = {{DenseInit::unit_variance, "unit_variance"},
                                      {DenseInit::unit_parent, "unit_parent"}};
const Names<StepForm> kStepForms = {{StepForm::residual, "residual"},
                                    {StepForm::learnable_residual, "learnable_residual"},
                                    {StepForm::exponential, "exponential"},
                                    {StepForm::scaled_gradient, "scaled_gradient"}};
const Names<NominalGradient> kNominalGradients = {{NominalGradient::gradient, "gradient"},
                                                  {NominalGradient::momentum, "momentum"},
                                                  {NominalGradient::mean_momentum, "mean_momentum"},
                                                  {NominalGradient::scaled_momentum, "scaled_momentum"},
                                                  {NominalGradient::mean_scaled_momentum, "mean_scaled_momentum"}};
const Names<Fold::Mode> kFolds = {
    {Fold::Mode::fixed, "fixed"}, {Fold::Mode::all, "all"}, {Fold::Mode::none, "none"}, {Fold::Mode::names, "names"}};

template <class E>
std::string name_of(const Names<E>& names, E value) {
  for (const auto& [e, name] : names)
    if (e == value) return name;
  throw Error("rule", "an enumeration has the unnamed value " + std::to_string(static_cast<int>(value)) + ".");
}

/// One JSON object that is read entry by entry; what nobody asked for is an error.
class Reader {
 public:
  Reader(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) throw Error("rule", place_ + " is not an object.");
  }

  template <class T>
  void read(const char* key, T& value) {
    const Json& entry = take(key);
    try {
      value = entry.get<T>();
    } catch (const nlohmann::json::exception&) {
      throw Error("rule", place(key) + " has the wrong type: received " + entry.dump() + ".");
    }
  }
  void read_number(const char* key, double& value) {  // JSON has no infinity
    const Json& entry = take(key);
    if (!entry.is_number() && !entry.is_null())
      throw Error("rule", place(key) + " is not a number: received " + entry.dump() + ".");
    value = entry.is_null() ? std::numeric_limits<double>::infinity() : entry.get<double>();
  }
  template <class E>
  void read(const char* key, E& value, const Names<E>& names) {
    value = parse(key, take(key), names);
  }
  template <class E>
  E parse(const char* key, const Json& entry, const Names<E>& names) const {
    std::vector<std::string> known;
    const std::string name = entry.is_string() ? entry.get<std::string>() : entry.dump();
    for (const auto& [e, text] : names) {
      if (name == text) return e;
      known.emplace_back(text);
    }
    throw Error("rule", place(key) + " is '" + name + "'." + known_names(name, known));
  }
  const Json& take(const char* key) {
    known_.emplace_back(key);
    if (!json_.contains(key)) throw Error("rule", place(key) + " is missing.");
    return json_.at(key);
  }
  const Json& take_list(const char* key) {
    const Json& entry = take(key);
    if (!entry.is_array()) throw Error("rule", place(key) + " is not a list: received " + entry.dump() + ".");
    return entry;
  }
  void finish() const {
    for (const auto& [key, unused] : json_.items())
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        throw Error("rule", "unknown entry " + place(key) + "." + known_names(key, known_));
  }
  std::string place(const std::string& key) const { return "'" + place_ + "." + key + "'"; }

 private:
  const Json& json_;
  std::string place_;
  std::vector<std::string> known_;
};

Json number(double value) { return std::isinf(value) ? Json(nullptr) : Json(value); }

Json json_of(const AdafactorDescription& a) {
  return {{"decays", a.decays},
          {"learned_decays", a.learned_decays},
          {"square_epsilon", a.square_epsilon},
          {"mean_epsilon", a.mean_epsilon},
          {"floor", a.floor},
          {"rms_epsilon", a.rms_epsilon},
          {"root_epsilon", a.root_epsilon}};
}

AdafactorDescription adafactor_of(const Json& json) {
  AdafactorDescription a;
  Reader in(json, "features.adafactor");
  in.read("decays", a.decays);
  in.read("learned_decays", a.learned_decays);
  in.read("square_epsilon", a.square_epsilon);
  in.read("mean_epsilon", a.mean_epsilon);
  in.read("floor", a.floor);
  in.read("rms_epsilon", a.rms_epsilon);
  in.read("root_epsilon", a.root_epsilon);
  in.finish();
  return a;
}

Json json_of(const FeatureDescription& f) {
  Json inputs = Json::array();
  for (const FeatureInput input : f.inputs) inputs.push_back(name_of(kInputs, input));
  Json json = {{"inputs", inputs},         {"momentum_decays", f.momentum_decays},
               {"rms_decay", f.rms_decay}, {"rms_floor", f.rms_floor},
               {"clip", number(f.clip)},   {"normalization", name_of(kNormalizations, f.normalization)},
               {"epsilon", f.epsilon},     {"time_scales", f.time_scales}};
  if (f.adafactor) json["adafactor"] = json_of(*f.adafactor);
  return json;
}

FeatureDescription features_of(const Json& json) {
  FeatureDescription f;
  Reader in(json, "features");
  f.inputs.clear();
  for (const Json& entry : in.take_list("inputs")) f.inputs.push_back(in.parse("inputs", entry, kInputs));
  in.read("momentum_decays", f.momentum_decays);
  in.read("rms_decay", f.rms_decay);
  in.read("rms_floor", f.rms_floor);
  in.read_number("clip", f.clip);
  in.read("normalization", f.normalization, kNormalizations);
  in.read("epsilon", f.epsilon);
  in.read("time_scales", f.time_scales);
  if (json.contains("adafactor")) f.adafactor = adafactor_of(in.take("adafactor"));
  in.finish();
  return f;
}

Json json_of(const NetworkDescription& n) {
  Json layers = Json::array();
  for (const LayerDescription& layer : n.layers)
    layers.push_back({{"type", name_of(kLayerTypes, layer.type)},
                      {"c_in", layer.c_in},
                      {"c_out", layer.c_out},
                      {"relu", layer.relu},
                      {"position_embedding", layer.position_embedding}});
  return {{"layers", layers},
          {"dense_init", name_of(kDenseInits, n.dense_init)},
          {"fold", name_of(kFolds, n.fold.mode)},
          {"fold_names", n.fold.names}};
}

NetworkDescription network_of(const Json& json) {
  NetworkDescription n;
  Reader in(json, "network");
  const Json& layers = in.take_list("layers");
  for (size_t k = 0; k < layers.size(); ++k) {
    Reader entry(layers[k], "network.layers[" + std::to_string(k) + "]");
    LayerDescription& layer = n.layers.emplace_back();
    entry.read("type", layer.type, kLayerTypes);
    entry.read("c_in", layer.c_in);
    entry.read("c_out", layer.c_out);
    entry.read("relu", layer.relu);
    entry.read("position_embedding", layer.position_embedding);
    entry.finish();
  }
  in.read("dense_init", n.dense_init, kDenseInits);
  in.read("fold", n.fold.mode, kFolds);
  in.read("fold_names", n.fold.names);
  in.finish();
  return n;
}

Json json_of(const NominalDescription& n) {
  return {{"gradient", name_of(kNominalGradients, n.gradient)},
          {"step", n.step},
          {"weight_decay", n.weight_decay},
          {"step_exp", n.step_exp},
          {"decay_exp", n.decay_exp},
          {"controls_step", n.controls_step},
          {"controls_decay", n.controls_decay},
          {"mean_magnitude", n.mean_magnitude},
          {"mean_step_control", n.mean_step_control},
          {"scaled_by_rms", n.scaled_by_rms},
          {"scaled_by_gradient", n.scaled_by_gradient}};
}

NominalDescription nominal_of(const Json& json) {
  NominalDescription n;
  Reader in(json, "step.nominal");
  in.read("gradient", n.gradient, kNominalGradients);
  in.read("step", n.step);
  in.read("weight_decay", n.weight_decay);
  in.read("step_exp", n.step_exp);
  in.read("decay_exp", n.decay_exp);
  in.read("controls_step", n.controls_step);
  in.read("controls_decay", n.controls_decay);
  in.read("mean_magnitude", n.mean_magnitude);
  in.read("mean_step_control", n.mean_step_control);
  in.read("scaled_by_rms", n.scaled_by_rms);
  in.read("scaled_by_gradient", n.scaled_by_gradient);
  in.finish();
  return n;
}

Json json_of(const StepDescription& s) {
  Json json = {{"form", name_of(kStepForms, s.form)},
               {"step_mult", s.step_mult},
               {"out_mult", s.out_mult},
               {"momentum", s.momentum},
               {"normalized", s.normalized},
               {"exp_mult", s.exp_mult}};
  if (s.nominal) json["nominal"] = json_of(*s.nominal);
  return json;
}

StepDescription step_of(const Json& json) {
  StepDescription s;
  Reader in(json, "step");
  in.read("form", s.form, kStepForms);
  in.read("step_mult", s.step_mult);
  in.read("out_mult", s.out_mult);
  in.read("momentum", s.momentum);
  in.read("normalized", s.normalized);
  in.read("exp_mult", s.exp_mult);
  if (json.contains("nominal")) s.nominal = nominal_of(in.take("nominal"));
  in.finish();
  return s;
}

/// Whether an input is made of second moments in rows and columns, or of v beside them.
bool needs_adafactor(FeatureInput input) {
  return input != FeatureInput::parameter && input != FeatureInput::gradient && input != FeatureInput::momenta &&
         input != FeatureInput::normalized_momenta;
}

bool is_decay(double a) { return a >= 0 && a < 1; }
std::string number_text(double value) { return Json(value).dump(); }

}  // namespace

int64_t FeatureDescription::channels() const {
  int64_t n = 0;
  for (const FeatureInput input : inputs) {
    switch (input) {
      case FeatureInput::parameter:
      case FeatureInput::gradient:
      case FeatureInput::rms:
      case FeatureInput::inverse_rms:
        n += 1;
        break;
      case FeatureInput::momenta:
      case FeatureInput::normalized_momenta:
      case FeatureInput::scaled_momenta:
        n += static_cast<int64_t>(momentum_decays.size());
        break;
      case FeatureInput::factored_gradient:
      case FeatureInput::factored_momenta:
      case FeatureInput::rows:
      case FeatureInput::columns:
      case FeatureInput::inverse_rows:
      case FeatureInput::inverse_columns:
        if (adafactor) n += static_cast<int64_t>(adafactor->decays.size());
        break;
    }
  }
  return n;
}

int64_t StepDescription::outputs() const { return nominal ? 4 : form == StepForm::exponential ? 2 : 1; }

void check(const RuleDescription& rule) {
  if (rule.context) return check(*rule.context);
  std::string problems;
  const auto problem = [&](const std::string& text) { problems += "\n  " + text; };
  const FeatureDescription& f = rule.features;
  for (const double a : f.momentum_decays)
    if (!is_decay(a)) problem("momentum decay " + number_text(a) + " is outside [0, 1)");
  if (!is_decay(f.rms_decay)) problem("rms decay " + number_text(f.rms_decay) + " is outside [0, 1)");
  if (!(f.clip > 0)) problem("clip " + number_text(f.clip) + " is not positive");
  if (!(f.epsilon > 0)) problem("epsilon " + number_text(f.epsilon) + " is not positive");
  for (const double tau : f.time_scales)
    if (!(tau > 0)) problem("time scale " + number_text(tau) + " is not positive");

  if (f.adafactor) {
    for (const double a : f.adafactor->decays)
      if (!is_decay(a)) problem("factored decay " + number_text(a) + " is outside [0, 1)");
  }
  for (const FeatureInput input : f.inputs) {
    if (needs_adafactor(input) && !f.adafactor)
      problem("the input '" + std::string(name_of(kInputs, input)) + "' needs 'adafactor', the features have none");
    if (input == FeatureInput::factored_momenta && f.adafactor &&
        f.adafactor->decays.size() != f.momentum_decays.size())
      problem("factored momenta need as many factored decays as momenta: there are " +
              std::to_string(f.adafactor->decays.size()) + " and " + std::to_string(f.momentum_decays.size()));
  }

  const int64_t outputs = rule.step.outputs();
  int64_t channels = f.channels() + static_cast<int64_t>(f.time_scales.size());
  std::string before = "the features";
  for (size_t k = 0; k < rule.network.layers.size(); ++k) {
    const LayerDescription& layer = rule.network.layers[k];
    const std::string name = "layer " + std::to_string(k);
    if (layer.c_in != channels)
      problem(name + " reads " + std::to_string(layer.c_in) + " channels, " + before + " give " +
              std::to_string(channels));
    if (layer.c_out < 1) problem(name + " writes " + std::to_string(layer.c_out) + " channels");
    if (layer.type == LayerType::unf_pool && layer.c_out != layer.c_in)
      problem(name + " pools " + std::to_string(layer.c_in) + " channels into " + std::to_string(layer.c_out) +
              ": a pool keeps their number");
    channels = layer.c_out;
    before = name;
  }
  if (channels != outputs)
    problem(before + " give " + std::to_string(channels) + " channels, the step '" +
            name_of(kStepForms, rule.step.form) + "' reads " + std::to_string(outputs));

  const StepDescription& s = rule.step;
  const auto has_decay = [&](double a) {
    return std::find(f.momentum_decays.begin(), f.momentum_decays.end(), a) != f.momentum_decays.end();
  };
  if (s.form == StepForm::residual && !has_decay(s.momentum))
    problem("the step's momentum " + number_text(s.momentum) + " is not among the momentum decays");
  if (s.form == StepForm::residual && s.normalized &&
      std::find(f.inputs.begin(), f.inputs.end(), FeatureInput::normalized_momenta) == f.inputs.end())
    problem("the step uses a normalized momentum, the features have none");
  if (s.nominal && s.form != StepForm::exponential)
    problem("nominal terms stand beside the step 'exponential', not '" + std::string(name_of(kStepForms, s.form)) +
            "'");
  if (s.nominal && !f.adafactor) problem("nominal terms need 'adafactor', the features have none");
  if (s.form == StepForm::learnable_residual &&
      !(s.step_mult > 0 && s.out_mult > 0 && s.momentum > 0 && s.momentum < 1))
    problem("learnable multipliers start positive and their momentum in (0, 1)");
  if (!problems.empty()) throw Error("rule", "'" + rule.name + "' contradicts itself:" + problems);
}

std::string to_json(const RuleDescription& rule) {
  if (rule.context) return Json{{"name", rule.name}, {"context", Json::parse(to_json(*rule.context))}}.dump();
  return Json{{"name", rule.name},
              {"features", json_of(rule.features)},
              {"network", json_of(rule.network)},
              {"step", json_of(rule.step)}}
      .dump();
}

RuleDescription rule_from_json(const std::string& text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    throw Error("rule", "the description is not valid JSON: " + std::string(e.what()) + ".");
  }
  RuleDescription rule;
  Reader in(json, "rule");
  in.read("name", rule.name);
  if (json.contains("context")) {
    rule.context = context_from_json(in.take("context").dump());
    in.finish();
    return rule;
  }
  rule.features = features_of(in.take("features"));
  rule.network = network_of(in.take("network"));
  rule.step = step_of(in.take("step"));
  in.finish();
  check(rule);
  return rule;
}

}  // namespace nfopt
