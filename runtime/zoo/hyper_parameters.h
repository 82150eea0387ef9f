#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/plugin/options.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// What differs between the networks of a zoo, beside their initial values and the order of their data.
struct HyperParameters {
  std::string optimizer;  ///< member_optimizer.h
  double learning_rate = 0;
  double initial_scale = 1;  ///< weights and tables are multiplied by it at the start
  int64_t batch_size = 0;
  int64_t steps = 0;
  double weight_decay = 0;                          ///< decoupled: p -= learning_rate * weight_decay * p
  double data_share = 1;                            ///< of the training examples
  double label_noise = 0;                           ///< share of its examples that have a random label
  std::map<std::string, OptionValue> options = {};  ///< of the architecture
};

/// The distribution they are drawn from.
struct HyperParameterRanges {
  std::vector<std::pair<std::string, RealRange>> optimizers;  ///< one is drawn; learning rates log-uniform
  std::vector<int64_t> batch_sizes = {128};                   ///< one is drawn
  IntegerRange steps = {0, 0};                                ///< log-uniform
  RealRange initial_scale = {1, 1};                           ///< log-uniform
  RealRange weight_decay = {0, 0};                            ///< log-uniform; low = high = 0: none
  RealRange data_share = {1, 1};                              ///< uniform
  RealRange label_noise = {0, 0};                             ///< uniform
  std::vector<std::pair<std::string, std::vector<OptionValue>>> options = {};  ///< one of each list is drawn
};

/// The draw of one network: a pure function of ranges and generator. Every hyper-parameter has a key of its own, so that
/// a further range changes no other draw. Ranges are those of a checked config.
NFOPT_API HyperParameters draw_hyper_parameters(const HyperParameterRanges& ranges, const Rng& rng);

}  // namespace nfopt
