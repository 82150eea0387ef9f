#include <nfopt/nflayers/layers/nfn/feed_forward.h>

#include <map>
#include <set>

namespace nfopt {
namespace {

// Labels of the factors that are no kernel position; empty when the view is neither weight nor bias of a layer.
std::vector<int> labels_of(const WeightSpace& space, const View& view) {
  const Source& source = space.sources()[view.source];
  std::vector<int> labels;
  if (source.stacked || view.factors.size() != source.shape.size()) return {};
  for (size_t i = 0; i < view.factors.size(); ++i) {
    const Factor& factor = view.factors[i];
    const Label& label = space.labels()[factor.label];
    if (factor.axis != static_cast<int>(i) || factor.size != source.shape[i] || label.parent >= 0) return {};
    if (label.type == LabelType::fixed) {
      if (i < 2) return {};
    } else if (i < 2) {
      labels.push_back(factor.label);
    } else {
      return {};
    }
  }
  return labels;
}

}  // namespace

std::optional<FeedForward> FeedForward::recognize(const WeightSpace& space) {
  std::map<int, int> weight_reading, bias_of;  // label -> view
  std::map<int, int> rows;                     // weight view -> label of its rows
  std::set<int> written;
  for (size_t v = 0; v < space.views().size(); ++v) {
    const std::vector<int> labels = labels_of(space, space.views()[v]);
    const int view = static_cast<int>(v);
    if (labels.size() == 2 && labels[0] != labels[1]) {
      if (!written.insert(labels[0]).second || !weight_reading.emplace(labels[1], view).second) return std::nullopt;
      rows[view] = labels[0];
    } else if (labels.size() == 1 && space.views()[v].factors.size() == 1) {
      if (!bias_of.emplace(labels[0], view).second) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  FeedForward network;
  for (const auto& [label, view] : weight_reading)
    if (written.count(label) == 0) network.labels.push_back(label);  // nobody writes it: the input
  if (network.labels.size() != 1) return std::nullopt;
  for (auto next = weight_reading.find(network.labels[0]); next != weight_reading.end();
       next = weight_reading.find(network.labels.back())) {
    const int label = rows.at(next->second);
    const auto bias = bias_of.find(label);
    if (bias == bias_of.end()) return std::nullopt;
    network.weights.push_back(next->second);
    network.biases.push_back(bias->second);
    network.labels.push_back(label);
  }
  if (2 * network.weights.size() != space.views().size()) return std::nullopt;
  for (size_t i = 0; i < network.labels.size(); ++i) {
    const bool outside = i == 0 || i + 1 == network.labels.size();
    if (space.labels()[network.labels[i]].type != (outside ? LabelType::ordered : LabelType::plain))
      return std::nullopt;
  }
  return network;
}

std::vector<ViewRole> view_roles(const FeedForward& network) {
  std::vector<ViewRole> roles(network.weights.size() * 2);
  for (int64_t i = 0; i < network.layers(); ++i) {
    roles[network.weights[i]] = {false, i};
    roles[network.biases[i]] = {true, i};
  }
  return roles;
}

}  // namespace nfopt
