#include <nfopt/runtime/compare/shared_data.h>
#include <nfopt/runtime/train/task_config.h>
#include <nfopt/runtime/train/trainer.h>

namespace nfopt {

std::shared_ptr<const Dataset> SharedData::of(const TrainConfig& config) {
  const std::lock_guard lock(mutex_);  // held while loading: the second of two runs would only load the same again
  std::shared_ptr<const Dataset>& entry = known_[config.dtype + "\n" + to_yaml(to_yaml_value(config.data))];
  if (!entry) entry = std::make_shared<const Dataset>(load_data(config));
  return entry;
}

}  // namespace nfopt
