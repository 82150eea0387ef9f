#pragma once

#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/train/train_config.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace nfopt {

/// The data sets of many runs, each loaded once. Runs only read them. [any-thread]
class SharedData {
 public:
  std::shared_ptr<const Dataset> of(const TrainConfig& config);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Dataset>> known_;
};

}  // namespace nfopt
