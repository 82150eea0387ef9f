#include "predictor_run.h"

#include <nfopt/runtime/tasks/batches.h>
#include <nfopt/runtime/zoo/kendall_tau.h>

#include <chrono>
#include <cmath>

namespace {

std::vector<double> to_vector(const torch::Tensor& values) {
  const torch::Tensor doubles = values.to(torch::kDouble).contiguous();
  return {doubles.const_data_ptr<double>(), doubles.const_data_ptr<double>() + doubles.numel()};
}

std::vector<double> predict(const Predictor& predictor, const AccuracyData& data) {
  constexpr int64_t kBlock = 64;
  const torch::NoGradGuard guard;
  std::vector<torch::Tensor> parts;
  for (int64_t begin = 0; begin < data.size(); begin += kBlock) {
    const torch::Tensor index = torch::arange(begin, std::min(data.size(), begin + kBlock));
    parts.push_back(torch::sigmoid(predictor.logits(data.rows(index).weights)));
  }
  return to_vector(torch::cat(parts));
}

// Predictions that are all equal order nothing.
double tau(const std::vector<double>& predicted, const std::vector<double>& actual) {
  const double value = nfopt::kendall_tau(predicted, actual);
  return std::isnan(value) ? 0 : value;
}

double mean_absolute_error(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / double(a.size());
}

class BestWeights {
 public:
  explicit BestWeights(const Predictor& predictor) : parameters_(predictor.module->parameters()) {}
  void keep() {
    kept_.clear();
    for (const torch::Tensor& parameter : parameters_) kept_.push_back(parameter.detach().clone());
  }
  void restore() {
    const torch::NoGradGuard guard;
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].copy_(kept_[i]);
  }

 private:
  std::vector<torch::Tensor> parameters_, kept_;
};

}  // namespace

PredictorRun run_predictor(const nfopt::WeightSpacePtr& space, const AccuracySplit& split,
                           const PredictorRunOptions& options, const std::function<void()>& on_step) {
  const auto start = std::chrono::steady_clock::now();
  const Predictor predictor =
      make_predictor(options.predictor, space, options.channels, options.hidden, options.seed, split.train.weights);
  PredictorRun run;
  run.options = options;
  for (const torch::Tensor& parameter : predictor.module->parameters()) run.parameters += parameter.numel();

  torch::optim::Adam adam(predictor.module->parameters(), options.learning_rate);
  nfopt::Batches batches(split.train.size(), std::min(options.batch_size, split.train.size()),
                         nfopt::Rng(options.seed).purpose("order"));
  const std::vector<double> validation = to_vector(split.validation.accuracy), test = to_vector(split.test.accuracy);
  BestWeights best(predictor);
  for (int64_t epoch = 0, step = 0; epoch < options.epochs; ++epoch) {
    double loss_sum = 0;
    for (; batches.epoch(step) == epoch; ++step) {
      const AccuracyData batch = split.train.rows(torch::tensor(batches.indices(step)));
      adam.zero_grad();
      const torch::Tensor loss =
          torch::binary_cross_entropy_with_logits(predictor.logits(batch.weights), batch.accuracy);
      loss.backward();
      adam.step();
      loss_sum += loss.item<double>();
      on_step();
    }
    run.train_loss.push_back(loss_sum / double(batches.per_epoch()));
    run.validation_tau.push_back(tau(predict(predictor, split.validation), validation));
    if (epoch > 0 && run.validation_tau.back() <= run.validation_tau[run.best_epoch]) continue;
    run.best_epoch = epoch;
    best.keep();
  }
  best.restore();
  run.predicted = predict(predictor, split.test);
  run.actual = test;
  run.test_tau = tau(run.predicted, test);
  run.test_error = mean_absolute_error(run.predicted, test);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}
