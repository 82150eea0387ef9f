#include "accuracy_data.h"

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/error.h>

AccuracyData AccuracyData::rows(const torch::Tensor& index) const {
  AccuracyData selected;
  for (const torch::Tensor& tensor : weights) selected.weights.push_back(tensor.index_select(1, index));
  selected.accuracy = accuracy.index_select(0, index);
  return selected;
}

AccuracySplit split_zoo(const nfopt::Zoo& zoo, uint64_t seed) {
  std::vector<int64_t> usable;
  for (int64_t n = 0; n < zoo.size(); ++n)
    if (zoo.networks[n].diverged_at < 0) usable.push_back(n);
  const auto count = static_cast<int64_t>(usable.size());
  if (count < 20)
    throw nfopt::Error("predict_accuracy", "the zoo has " + std::to_string(count) +
                                               " networks that did not diverge: expected at least 20, for a task of "
                                               "interest 1,000.");
  const nfopt::Zoo trained = zoo.select(usable);

  AccuracyData all;
  std::vector<float> accuracy;
  for (const nfopt::ZooNetwork& network : trained.networks) accuracy.push_back(float(network.test_accuracy));
  all.accuracy = torch::tensor(accuracy);
  for (const torch::Tensor& tensor : trained.weights)
    all.weights.push_back(tensor.to(torch::kFloat).unsqueeze(1).unsqueeze(0));  // [1, N, 1, shape...]

  const torch::Tensor order = torch::tensor(nfopt::Rng(seed).purpose("split").permutation(count));
  const int64_t train = count * 7 / 10, validation = count / 10;
  const torch::Tensor train_rows = order.narrow(0, 0, train);
  for (torch::Tensor& tensor : all.weights) {
    const torch::Tensor seen = tensor.index_select(1, train_rows);
    tensor = (tensor - seen.mean()) / (seen.std() + 1e-8);
  }
  return {all.rows(train_rows), all.rows(order.narrow(0, train, validation)),
          all.rows(order.narrow(0, train + validation, count - train - validation))};
}
