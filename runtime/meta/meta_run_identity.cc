#include <nfopt/runtime/meta/meta_run_identity.h>
#include <nfopt/runtime/version.h>

namespace nfopt {

RunIdentity identity_of(const MetaTrainConfig& config) {
  RunIdentity run;
  run.command = "meta-train";
  run.config = to_yaml_value(config);
  run.steps = config.outer_steps;
  run.checkpoint_keep = config.checkpoint_keep;
  run.may_differ = [steps = config.outer_steps](const std::string& difference, const YamlValue& before) {
    for (const char* key : {"checkpoint.", "meta.", "ranks.", "plugins ", "threads ", "note ", "licence "})
      if (difference.starts_with(key)) return true;
    if (!difference.starts_with("outer.steps ")) return false;
    const YamlValue* outer = before.find("outer");
    const YamlValue* then = outer != nullptr ? outer->find("steps") : nullptr;
    return then != nullptr && as_integer(*then).value_or(steps + 1) <= steps;
  };
  return run;
}

std::string common_to_ranks(const MetaTrainConfig& config) {
  MetaTrainConfig common = config;
  common.threads = 0;
  common.plugins.clear();
  common.checkpoint_keep = 1;
  common.rank_timeout = common.meeting_timeout = 1;
  common.piece_seconds = 0;  // rank 0 has the clock
  common.note.clear();
  YamlValue value = to_yaml_value(common);
  value.set("nfopt", YamlValue::text_scalar(version()));
  return to_yaml(value);
}

std::filesystem::path default_meta_folder(const MetaTrainConfig& config) {
  return std::filesystem::path("runs") / (config.name + "-" + config.rule + "-seed" + std::to_string(config.seed));
}

}  // namespace nfopt
