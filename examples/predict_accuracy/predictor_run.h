#pragma once

#include "predictors.h"

#include <functional>
#include <string>
#include <vector>

struct PredictorRunOptions {
  std::string predictor;
  uint64_t seed = 0;
  int64_t epochs = 25;
  int64_t batch_size = 32;
  double learning_rate = 1e-3;  // Adam
  int64_t channels = 8;
  int64_t hidden = 64;
};

/// One predictor, trained and judged.
struct PredictorRun {
  PredictorRunOptions options;
  std::vector<double> train_loss;      // binary cross entropy, mean of every epoch
  std::vector<double> validation_tau;  // after every epoch
  int64_t best_epoch = 0;              // whose validation tau is the highest: its weights are judged
  double test_tau = 0;
  double test_error = 0;  // mean absolute error
  std::vector<double> predicted, actual;
  int64_t parameters = 0;
  double seconds = 0;
};

/// Trains on the training networks of the seed's split, picks the epoch by the validation networks, and looks at the test
/// networks once, at the end. `on_step` is called after every step.
PredictorRun run_predictor(const nfopt::WeightSpacePtr& space, const AccuracySplit& split,
                           const PredictorRunOptions& options, const std::function<void()>& on_step);
