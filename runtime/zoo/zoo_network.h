#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/zoo/hyper_parameters.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// What a zoo says about one of its networks.
struct ZooNetwork {
  int64_t index = 0;  ///< in the zoo
  HyperParameters hyper_parameters;
  double train_loss = 0;  ///< on the first examples of its own training data, labels as it was trained on
  double train_accuracy = 0;
  double test_loss = 0;
  double test_accuracy = 0;
  /// The step whose loss or update was not finite, -1: none. Training ended there; the weights are those before the
  /// update that was at fault.
  int64_t diverged_at = -1;
};

/// One JSON object per network, a list of them. A number that is not finite is null.
NFOPT_API std::string zoo_networks_to_json(const std::vector<ZooNetwork>& networks, int indent = -1);
/// Reads that text. Throws Error naming `origin` when it is something else.
NFOPT_API std::vector<ZooNetwork> zoo_networks_from_json(const std::string& text, const std::string& origin);
/// The same as a table with a header line.
NFOPT_API std::string zoo_networks_to_csv(const std::vector<ZooNetwork>& networks);

}  // namespace nfopt
