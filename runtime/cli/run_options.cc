#include <nfopt/runtime/cli/run_options.h>

namespace nfopt::cli {

void RunOptions::add_to(CLI::App& command, const std::string& default_folder) {
  command.add_option("config", config, "YAML file")->required()->type_name("CONFIG.yaml");
  command
      .add_option("--set", overrides, "Override a key, e.g. --set optimizer=adam --set optimizer.lr=0.01 (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command.add_option("--out", out, "Folder of the run; default " + default_folder)->type_name("DIR");
  command.add_flag("--resume", resume, "Continue what is in the folder from its last checkpoint");
  command.add_option("--device", device, "cpu or cuda")->type_name("DEVICE");
  command.add_option("--seed", seed, "Seed of initial values, data order and meta-parameters")->type_name("N");
}

YamlValue RunOptions::load() const {
  std::vector<std::string> all = overrides;
  if (seed) all.push_back("seed=" + *seed);
  if (device) all.push_back("device=" + *device);
  return load_config(config, all);
}

}  // namespace nfopt::cli
