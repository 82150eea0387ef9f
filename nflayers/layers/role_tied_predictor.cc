#include <nfopt/nflayers/layers/dense_layer.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/relu.h>
#include <nfopt/nflayers/layers/role_pool.h>
#include <nfopt/nflayers/layers/role_tied_predictor.h>
#include <nfopt/nflayers/spec/error.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

namespace nfopt {
namespace {

constexpr int64_t kBatchAxis = 1, kRankBeforeShape = 3;  // [P, B, C, shape...]

/// Networks per group.
std::vector<int64_t> checked_batches(const std::vector<NetworkGroup>& groups, int64_t channels) {
  if (groups.empty()) throw Error("layer", "RoleTiedPredictor needs at least one group of networks, received none.");
  std::ostringstream problems;
  std::vector<int64_t> batches;
  int64_t members = -1;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto& [space, x] = groups[g];
    const std::string here = "\n  group " + std::to_string(g) + ": ";
    batches.push_back(-1);
    if (!space) {
      problems << here << "no weight space";
      continue;
    }
    if (x.size() != space->tensors().size() || x.empty()) {
      problems << here << "expected " << space->tensors().size() << " feature tensors, at least one, received "
               << x.size();
      continue;
    }
    for (size_t i = 0; i < x.size(); ++i) {
      const Tensor& tensor = space->tensors()[i];
      const auto rank = static_cast<int64_t>(tensor.shape.size());
      if (!x[i].defined() || x[i].dim() != kRankBeforeShape + rank) {
        problems << here << "'" << tensor.name << "' is not [P, B, C, shape...]";
        continue;
      }
      if (members < 0) members = x[i].size(0);
      if (batches.back() < 0) batches.back() = x[i].size(kBatchAxis);
      std::vector<int64_t> expected = {members, batches.back(), channels};
      expected.insert(expected.end(), tensor.shape.begin(), tensor.shape.end());
      if (x[i].sizes() != expected)
        problems << here << "'" << tensor.name << "': expected " << at::IntArrayRef(expected) << ", received "
                 << x[i].sizes();
    }
  }
  if (problems.tellp() > 0) throw Error("layer", "groups of networks that do not fit:" + problems.str());
  return batches;
}

}  // namespace

RoleTiedPredictorImpl::RoleTiedPredictorImpl(RoleTiedPredictorOptions given) : options(std::move(given)) {
  if (options.spaces().empty())
    throw Error("layer", "RoleTiedPredictor needs the weight space of at least one architecture, received none.");
  if (options.channels().size() < 2)
    throw Error("layer",
                "RoleTiedPredictor needs the channels of its input and of every layer, at least two numbers: "
                "received " +
                    std::to_string(options.channels().size()) + ".");
  require_channels("RoleTiedPredictor", options.hidden(), options.outputs());
  reset();
}

void RoleTiedPredictorImpl::reset() {
  layers.clear();
  const auto& spaces = options.spaces();
  const std::vector<WeightSpacePtr> others(spaces.begin() + 1, spaces.end());
  const Rng rng(options.seed());
  for (size_t k = 0; k + 1 < options.channels().size(); ++k)
    layers.push_back(register_module(
        "L" + std::to_string(k),
        RoleTiedLinear(RoleTiedLinearOptions(spaces.front(), options.channels()[k], options.channels()[k + 1])
                           .also(others)
                           .seed(rng.purpose("layers").bits(k)))));
  const int64_t pooled_channels = kRoles * options.channels().back();
  head0_ = register_module("head0", dense_layer(pooled_channels, options.hidden(), rng.purpose("head0")));
  head1_ = register_module("head1", dense_layer(options.hidden(), options.outputs(), rng.purpose("head1")));
}

void RoleTiedPredictorImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::RoleTiedPredictor(channels=" << at::IntArrayRef(options.channels())
         << ", hidden=" << options.hidden() << ", outputs=" << options.outputs() << ")";
}

at::Tensor RoleTiedPredictorImpl::pooled(const NetworkGroup& group) {
  std::vector<at::Tensor> x = group.x;
  for (RoleTiedLinear& layer : layers) x = relu(layer->on(group.space, x));
  return role_means(*group.space, x);
}

at::Tensor RoleTiedPredictorImpl::forward(const std::vector<NetworkGroup>& groups) {
  const std::vector<int64_t> batches = checked_batches(groups, options.channels().front());
  // In the order of first appearance: sums of gradients then never depend on addresses.
  std::vector<std::pair<WeightSpacePtr, std::vector<size_t>>> groups_of;
  for (size_t g = 0; g < groups.size(); ++g) {
    auto found =
        std::find_if(groups_of.begin(), groups_of.end(), [&](const auto& of) { return of.first == groups[g].space; });
    if (found == groups_of.end()) found = groups_of.insert(groups_of.end(), {groups[g].space, {}});
    found->second.push_back(g);
  }

  std::vector<at::Tensor> rows(groups.size());
  for (const auto& [space, members] : groups_of) {
    NetworkGroup together{space, {}};
    std::vector<int64_t> sizes;
    for (const size_t g : members) sizes.push_back(batches[g]);
    for (size_t i = 0; i < space->tensors().size(); ++i) {
      std::vector<at::Tensor> parts;
      for (const size_t g : members) parts.push_back(groups[g].x[i]);
      together.x.push_back(parts.size() == 1 ? parts.front() : at::cat(parts, kBatchAxis));
    }
    const std::vector<at::Tensor> parts = pooled(together).split_with_sizes(sizes, kBatchAxis);
    for (size_t m = 0; m < members.size(); ++m) rows[members[m]] = parts[m];
  }
  return apply_dense(*head1_, at::relu(apply_dense(*head0_, at::cat(rows, kBatchAxis))));
}

}  // namespace nfopt
