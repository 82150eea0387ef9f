#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/file_beside_config.h>
#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/meta/task_family_config.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/train/task_config.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// One of `known`, with a hint at the nearest when it is not.
std::string name_of(YamlMap& map, const char* key, const std::vector<std::string>& known, const char* what,
                    const std::optional<std::string>& fallback = {}) {
  const std::string name = map.text(key, {}, fallback);
  if (!name.empty() && !contains(known, name))
    map.problem(key, std::string("no ") + what + " '" + name + "'." + known_names(name, known));
  return name;
}

// `alpha: -2.3` as stored, `alpha: {log: 0.1}` for one that is stored as its logarithm.
std::vector<std::pair<std::string, double>> read_init(YamlMap map) {
  std::vector<std::pair<std::string, double>> init;
  for (const std::string& name : map.keys()) {
    if (map.value(name)->kind == YamlValue::Kind::map) {
      YamlMap given = map.map(name);
      const double value = given.real("log", {.above = 0.0});
      given.finish();
      init.emplace_back(name, value > 0 ? std::log(value) : 0.0);
    } else {
      init.emplace_back(name, map.real(name));
    }
  }
  return init;
}

std::optional<ClippedMomentumStart> read_start(YamlMap map) {
  const bool named = map.has("clipped_momentum");
  ClippedMomentumStart start;
  YamlMap given = map.map_or_empty("clipped_momentum");
  start.rate = given.real("rate", {.above = 0.0}, start.rate);
  start.sharpness = given.real("sharpness", {.above = 0.0}, start.sharpness);
  start.decay = given.real("decay", {.at_least = 0.0, .below = 1.0}, start.decay);
  start.gradient = given.real("gradient", {.at_least = 0.0, .at_most = 1.0}, start.gradient);
  start.horizon = given.integer("horizon", {.at_least = 1}, start.horizon);
  start.gain = given.real("gain", {.above = 0.0}, start.gain);
  start.nominal = given.real("nominal", {.above = 0.0}, start.nominal);
  given.finish();
  map.finish();
  if (!named) return {};
  return start;
}

YamlValue yaml_of(const ClippedMomentumStart& start) {
  YamlValue map = YamlValue::map();
  for (const auto& [key, value] :
       {std::pair{"rate", start.rate}, std::pair{"sharpness", start.sharpness}, std::pair{"decay", start.decay},
        std::pair{"gradient", start.gradient}, std::pair{"gain", start.gain}, std::pair{"nominal", start.nominal}})
    map.set(key, YamlValue::scalar(shortest(value)));
  map.set("horizon", YamlValue::scalar(std::to_string(start.horizon)));
  YamlValue outer = YamlValue::map();
  outer.set("clipped_momentum", std::move(map));
  return outer;
}

std::vector<MetaFamilyConfig> read_families(YamlMap map, YamlProblems& problems) {
  std::vector<MetaFamilyConfig> families;
  for (const std::string& name : map.keys()) {
    YamlMap entry = map.map(name);
    MetaFamilyConfig family;
    family.particles = entry.integer("particles", {.at_least = 1, .at_most = 1 << 20}, 16);
    family.particles_per_chunk = entry.integer("particles_per_chunk", {.at_least = 0}, 0);
    family.options = read_task_family(entry, name, problems);
    entry.finish();
    families.push_back(std::move(family));
  }
  return families;
}

EstimatorOptions read_estimator(YamlMap map) {
  EstimatorOptions options;
  options.method = name_of(map, "name", estimator_names(), "estimator", options.method);
  options.window = map.integer("window", {.at_least = 1}, options.window);
  options.sigma = map.real("sigma", {.above = 0.0}, options.sigma);
  if (map.has("sign_delta_loss_scalar"))
    options.sign_delta_loss_scalar = map.real("sign_delta_loss_scalar", {.above = 0.0});
  if (map.has("clip_loss_diff")) options.clip_loss_diff = map.real("clip_loss_diff", {.above = 0.0});
  const std::string loss = map.text("trajectory_loss", trajectory_loss_names(), "average");
  if (contains(trajectory_loss_names(), loss)) options.trajectory_loss = trajectory_loss(loss);
  options.recompute_batches = map.integer("recompute_batches", {.at_least = 1}, options.recompute_batches);
  map.finish();
  return options;
}

void read_outer(MetaTrainConfig& config, YamlMap map) {
  OuterAdamOptions& adam = config.outer;
  config.outer_steps = map.integer("steps", {.at_least = 1});
  adam.lr = map.real("lr", {.above = 0.0}, adam.lr);
  adam.clip_norm = map.real("clip_norm", {.at_least = 0.0}, adam.clip_norm);
  adam.beta1 = map.real("beta1", {.at_least = 0.0, .below = 1.0}, adam.beta1);
  adam.beta2 = map.real("beta2", {.at_least = 0.0, .below = 1.0}, adam.beta2);
  adam.eps = map.real("eps", {.above = 0.0}, adam.eps);
  adam.eps_root = map.real("eps_root", {.at_least = 0.0}, adam.eps_root);
  adam.warmup_steps = map.integer("warmup_steps", {.at_least = 0}, 0);
  adam.cosine_steps = map.integer("cosine_steps", {.at_least = 0}, config.outer_steps);
  adam.final_factor = map.real("final_factor", {.at_least = 0.0, .at_most = 1.0}, adam.final_factor);
  if (adam.cosine_steps > 0 && adam.warmup_steps >= adam.cosine_steps)
    map.problem("warmup_steps", "expected less than cosine_steps (" + std::to_string(adam.cosine_steps) + ").");
  map.finish();
}

void read_evaluation(MetaTrainConfig& config, YamlMap map, YamlProblems& problems) {
  config.evaluate_every = map.integer("every", {.at_least = 0}, config.evaluate_every);
  config.evaluation_seed = map.integer("seed", {.at_least = 0}, 0);
  config.evaluation_tasks = map.integer("tasks", {.at_least = 1}, config.evaluation_tasks);
  config.evaluation_steps = map.integer("steps", {.at_least = 0}, 0);
  if (map.has("families")) {
    YamlMap families = map.map("families");
    for (const std::string& name : families.keys()) {
      YamlMap entry = families.map(name);
      config.evaluation_families.push_back(read_task_family(entry, name, problems));
      entry.finish();
    }
  }
  if (config.evaluation_families.empty())
    for (const MetaFamilyConfig& family : config.families) config.evaluation_families.push_back(family.options);
  map.finish();
}

MetaTrainConfig read(const YamlValue& document, YamlProblems& problems) {
  MetaTrainConfig config;
  YamlMap top(document, "", problems);
  config.name = top.text("name");
  check_run_name(top, config.name);
  config.seed = top.integer("seed", {.at_least = 0}, 0);
  if (top.text("device", {"cpu", "cuda"}, "cpu") == "cuda")
    top.problem("device", "meta-training runs on the CPU: expected cpu, received 'cuda'.");
  config.dtype = top.text("dtype", {"float32", "float64"}, "float32");
  config.threads = top.integer("threads", {.at_least = 0, .at_most = 1024}, 0);
  config.plugins = top.texts("plugins", {}, std::vector<std::string>{});
  config.licence = top.text("licence", {}, std::string());
  config.note = top.text("note", {}, std::string());

  config.rule = name_of(top, "rule", rule_preset_names(), "learned rule");
  config.theta = top.text("theta", {}, std::string());
  if (top.has("theta")) config.theta = found_beside(config.theta, top.value("theta")->place);
  if (top.has("context")) {
    config.context = read_context(top.map("context"));
    if (config.rule != "context") top.problem("context", "these are constants of the rule 'context' alone.");
    if (!config.theta.empty()) top.problem("context", "a run that starts from a file ('theta') has its constants.");
  }
  config.clipped_momentum = read_start(top.map_or_empty("start"));
  if (config.clipped_momentum && !config.theta.empty())
    top.problem("start", "a run starts from a file ('theta') or from 'start', not from both.");
  config.init = read_init(top.map_or_empty("init"));

  config.families = read_families(top.map("families"), problems);
  if (top.has("families") && config.families.empty()) top.problem("families", "expected at least one task family.");
  config.estimator = read_estimator(top.map_or_empty("estimator"));
  config.random_offsets = top.boolean("random_offsets", true);
  read_outer(config, top.map("outer"));
  read_evaluation(config, top.map_or_empty("evaluation"), problems);

  YamlMap log = top.map_or_empty("log");
  config.log_every = log.integer("every", {.at_least = 1}, config.log_every);
  log.finish();
  YamlMap checkpoint = top.map_or_empty("checkpoint");
  config.checkpoint_every = checkpoint.integer("every", {.at_least = 1}, config.checkpoint_every);
  config.checkpoint_keep = checkpoint.integer("keep", {.at_least = 1, .at_most = 1000}, config.checkpoint_keep);
  checkpoint.finish();
  YamlMap meta = top.map_or_empty("meta");
  config.piece_steps = meta.integer("max_steps", {.at_least = 0}, 0);
  config.piece_seconds = meta.real("max_seconds", {.at_least = 0.0}, 0.0);
  meta.finish();
  YamlMap ranks = top.map_or_empty("ranks");
  config.rank_timeout = ranks.real("timeout", {.at_least = 0.1, .at_most = 1e6}, config.rank_timeout);
  config.meeting_timeout = ranks.real("meeting_timeout", {.at_least = 0.1, .at_most = 1e6}, config.meeting_timeout);
  ranks.finish();
  top.finish();
  return config;
}

std::string name_of(TrajectoryLoss loss) {
  for (const std::string& name : trajectory_loss_names())
    if (trajectory_loss(name) == loss) return name;
  return "average";
}

}  // namespace

MetaTrainConfig read_meta_train_config(const YamlValue& document, const std::string& file) {
  YamlProblems problems("config", file);
  MetaTrainConfig config = read(document, problems);
  problems.throw_if_any();
  return config;
}

YamlValue to_yaml_value(const MetaTrainConfig& config) {
  const auto integer = [](int64_t value) { return YamlValue::scalar(std::to_string(value)); };
  const auto text = [](const std::string& value) { return YamlValue::text_scalar(value); };
  const auto real = [](double value) { return YamlValue::scalar(shortest(value)); };
  const auto boolean = [](bool value) { return YamlValue::scalar(value ? "true" : "false"); };

  YamlValue root = YamlValue::map();
  root.set("name", text(config.name));
  root.set("seed", integer(config.seed));
  root.set("dtype", text(config.dtype));
  root.set("threads", integer(config.threads));
  if (!config.plugins.empty()) root.set("plugins", yaml_of(OptionValue(config.plugins)));
  if (!config.licence.empty()) root.set("licence", text(config.licence));
  if (!config.note.empty()) root.set("note", text(config.note));

  root.set("rule", text(config.rule));
  if (config.context) root.set("context", to_yaml_value(*config.context));
  if (!config.theta.empty()) root.set("theta", text(config.theta));
  if (config.clipped_momentum) root.set("start", yaml_of(*config.clipped_momentum));
  if (!config.init.empty()) {
    YamlValue init = YamlValue::map();
    for (const auto& [name, value] : config.init) init.set(name, real(value));
    root.set("init", std::move(init));
  }

  YamlValue families = YamlValue::map();
  for (const MetaFamilyConfig& family : config.families) {
    YamlValue map = YamlValue::map();
    map.set("particles", integer(family.particles));
    map.set("particles_per_chunk", integer(family.particles_per_chunk));
    for (YamlEntry& entry : to_yaml_value(family.options).entries) map.set(entry.key, std::move(entry.value));
    families.set(family.options.name, std::move(map));
  }
  root.set("families", std::move(families));

  YamlValue estimator = YamlValue::map();
  estimator.set("name", text(config.estimator.method));
  estimator.set("window", integer(config.estimator.window));
  estimator.set("sigma", real(config.estimator.sigma));
  if (config.estimator.sign_delta_loss_scalar)
    estimator.set("sign_delta_loss_scalar", real(*config.estimator.sign_delta_loss_scalar));
  if (config.estimator.clip_loss_diff) estimator.set("clip_loss_diff", real(*config.estimator.clip_loss_diff));
  estimator.set("trajectory_loss", text(name_of(config.estimator.trajectory_loss)));
  estimator.set("recompute_batches", integer(config.estimator.recompute_batches));
  root.set("estimator", std::move(estimator));
  root.set("random_offsets", boolean(config.random_offsets));

  YamlValue outer = YamlValue::map();
  outer.set("steps", integer(config.outer_steps));
  outer.set("lr", real(config.outer.lr));
  outer.set("clip_norm", real(config.outer.clip_norm));
  outer.set("beta1", real(config.outer.beta1));
  outer.set("beta2", real(config.outer.beta2));
  outer.set("eps", real(config.outer.eps));
  outer.set("eps_root", real(config.outer.eps_root));
  outer.set("warmup_steps", integer(config.outer.warmup_steps));
  outer.set("cosine_steps", integer(config.outer.cosine_steps));
  outer.set("final_factor", real(config.outer.final_factor));
  root.set("outer", std::move(outer));

  YamlValue evaluation = YamlValue::map();
  evaluation.set("every", integer(config.evaluate_every));
  evaluation.set("seed", integer(config.evaluation_seed));
  evaluation.set("tasks", integer(config.evaluation_tasks));
  evaluation.set("steps", integer(config.evaluation_steps));
  YamlValue held_out = YamlValue::map();
  for (const TaskFamilyOptions& family : config.evaluation_families) held_out.set(family.name, to_yaml_value(family));
  evaluation.set("families", std::move(held_out));
  root.set("evaluation", std::move(evaluation));

  const auto section = [&](const char* key, std::vector<std::pair<const char*, YamlValue>> entries) {
    YamlValue map = YamlValue::map();
    for (auto& [name, value] : entries) map.set(name, std::move(value));
    root.set(key, std::move(map));
  };
  section("log", {{"every", integer(config.log_every)}});
  section("checkpoint", {{"every", integer(config.checkpoint_every)}, {"keep", integer(config.checkpoint_keep)}});
  section("meta", {{"max_steps", integer(config.piece_steps)}, {"max_seconds", real(config.piece_seconds)}});
  section("ranks", {{"timeout", real(config.rank_timeout)}, {"meeting_timeout", real(config.meeting_timeout)}});
  return root;
}

}  // namespace nfopt
