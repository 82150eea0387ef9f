#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/compare/compare_task.h>

namespace nfopt {
namespace {

// The comparison's presets say what the compared optimizers are, whatever the task's file calls by their names.
void put_presets_on_top(YamlValue& document, const YamlValue& comparison) {
  const YamlValue* presets = comparison.find("optimizers");
  if (presets == nullptr) return;
  const YamlValue* own = document.find("optimizers");
  YamlValue all = own != nullptr ? *own : YamlValue::map();
  for (const YamlEntry& entry : presets->entries) all.set(entry.key, entry.value);
  document.set("optimizers", std::move(all));
}

CompareTask resolve(const CompareTaskConfig& config, const CompareConfig& comparison, const YamlValue& document,
                    const std::string& file, const std::filesystem::path& folder) {
  CompareTask task;
  task.name = config.name;
  task.group = config.group;
  task.seeds = config.seeds.empty() ? comparison.seeds : config.seeds;
  task.rates = config.rates;
  task.folder = folder / config.name;
  task.document = document;
  task.file = file + ", task '" + config.name + "'";
  if (!config.config.empty()) {
    const std::filesystem::path path = std::filesystem::path(file).parent_path() / config.config;
    task.document = read_yaml(path);
    task.file = path.string() + ", task '" + config.name + "'";
    put_presets_on_top(task.document, document);
  }
  for (const std::string& assignment : config.overrides) apply_override(task.document, assignment);
  task.document.set("name", YamlValue::text_scalar(config.name));
  return task;
}

// Overrides have no line to point at, so the message says whose they are.
void check(const CompareTask& task, const std::string& optimizer) {
  try {
    config_of_run(task.document, task.file, optimizer, 0);
  } catch (const Error& error) {
    if (task.name.empty()) throw;
    throw Error("compare", "task '" + task.name + "': " + error.what());
  }
}

}  // namespace

std::vector<CompareTask> tasks_of(const CompareConfig& config, const YamlValue& document, const std::string& file,
                                  const std::filesystem::path& folder) {
  std::vector<CompareTask> tasks;
  for (const CompareTaskConfig& task : config.tasks) tasks.push_back(resolve(task, config, document, file, folder));
  if (tasks.empty()) tasks.push_back({"", "", document, file, config.seeds, {}, folder});
  std::vector<std::string> optimizers = config.optimizers;
  if (config.sweep)
    optimizers.insert(optimizers.end(), config.sweep->optimizers.begin(), config.sweep->optimizers.end());
  for (const CompareTask& task : tasks)
    for (const std::string& optimizer : optimizers) check(task, optimizer);
  return tasks;
}

TrainConfig config_of_run(const YamlValue& document, const std::string& file, const std::string& optimizer,
                          int64_t seed) {
  YamlValue one = document;
  one.set("optimizer", YamlValue::text_scalar(optimizer));
  one.set("seed", YamlValue::scalar(std::to_string(seed)));
  TrainConfig config = read_train_config(one, file);
  config.threads = 1;
  return config;
}

std::filesystem::path folder_of_run(const std::filesystem::path& folder, const TrainConfig& config) {
  return folder / (config.optimizer.name + "-seed" + std::to_string(config.seed));
}

}  // namespace nfopt
