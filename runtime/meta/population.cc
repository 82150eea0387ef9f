#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/network_unroll.h>
#include <nfopt/runtime/meta/population.h>
#include <nfopt/runtime/meta/side_by_side.h>
#include <torch/types.h>

#include <algorithm>
#include <numeric>

namespace nfopt {
namespace {

int64_t chunk_size(const PopulationGroup& group) {
  if (group.particles_per_chunk > 0) return group.particles_per_chunk;
  return group.family->one_shape() ? 4 : 1;
}

int64_t chunk_count(const PopulationGroup& group) {
  return (group.particles + chunk_size(group) - 1) / chunk_size(group);
}

ThetaLayout common_layout(const std::vector<PopulationGroup>& groups, const RuleFactory& rules) {
  std::string problems;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].family == nullptr) problems += "\n  group " + std::to_string(g) + " has no family.";
    if (groups[g].particles < 1) problems += "\n  group " + std::to_string(g) + " has no particles.";
    if (groups[g].particles_per_chunk < 0) problems += "\n  group " + std::to_string(g) + " has chunks of less than 1.";
  }
  if (groups.empty()) problems += "\n  no groups.";
  if (!problems.empty()) throw Error("meta", "The population cannot be built:" + problems);
  ThetaLayout layout(*rules(groups.front().family->task(Rng(0))->space()));
  for (const PopulationGroup& group : groups) layout.check(*rules(group.family->task(Rng(0))->space()));
  return layout;
}

}  // namespace

struct Population::Chunk {
  int64_t number = 0;
  int64_t first = 0;  ///< global number of its first particle
  std::unique_ptr<NetworkUnroll> unroll;
  std::unique_ptr<Estimator> estimator;
};

struct Population::Parts {
  Parts(const PopulationOptions& population, const std::vector<PopulationGroup>& groups, const RuleFactory& rules)
      : options(population), layout(common_layout(groups, rules)) {}

  PopulationOptions options;
  ThetaLayout layout;
  std::vector<Chunk> own;
  int64_t particles = 0;
  int64_t chunks = 0;
};

Population::Population(const PopulationOptions& options, std::vector<PopulationGroup> groups, RuleFactory rules,
                       int64_t rank, int64_t ranks)
    : parts_(std::make_unique<Parts>(options, groups, rules)) {
  int64_t total = 0;
  for (const PopulationGroup& group : groups) total += chunk_count(group);
  if (ranks < 1 || rank < 0 || rank >= ranks || total < ranks)
    throw Error("meta", "rank " + std::to_string(rank) + " of " + std::to_string(ranks) + " would have none of the " +
                            std::to_string(total) +
                            " chunks of particles. Start fewer ranks, or use more particles or smaller chunks.");
  for (const PopulationGroup& group : groups) {
    for (int64_t begin = 0; begin < group.particles; begin += chunk_size(group)) {
      const int64_t count = std::min(chunk_size(group), group.particles - begin);
      if (parts_->chunks % ranks == rank) {
        Chunk chunk;
        chunk.number = parts_->chunks;
        chunk.first = parts_->particles;
        chunk.estimator = make_estimator(options.estimator, count, parts_->layout.size());
        NetworkUnrollOptions unroll;
        unroll.rng = Rng(options.seed);
        unroll.first_particle = chunk.first;
        unroll.particles = count;
        unroll.signs = chunk.estimator->signs();
        unroll.random_offsets = options.random_offsets;
        chunk.unroll = std::make_unique<NetworkUnroll>(group.family, rules, parts_->layout, unroll);
        parts_->own.push_back(std::move(chunk));
      }
      ++parts_->chunks;
      parts_->particles += count;
    }
  }
}

Population::~Population() = default;

const ThetaLayout& Population::layout() const { return parts_->layout; }
int64_t Population::particles() const { return parts_->particles; }
int64_t Population::chunks() const { return parts_->chunks; }

std::vector<int64_t> Population::own_chunks() const {
  std::vector<int64_t> numbers;
  for (const Chunk& chunk : parts_->own) numbers.push_back(chunk.number);
  return numbers;
}

std::vector<Estimate> Population::estimate(const at::Tensor& theta, int64_t outer_step) {
  std::vector<Chunk>& own = parts_->own;
  std::vector<size_t> order(own.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<double> cost;
  for (const Chunk& chunk : own) cost.push_back(chunk.unroll->cost());
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return cost[a] > cost[b]; });

  const at::Tensor shared = theta.detach().to(at::kDouble).contiguous();
  std::vector<Estimate> estimates(own.size());
  const auto run_chunk = [&](size_t position) {
    const at::NoGradGuard no_grad;
    Chunk& chunk = own[order[position]];
    at::Tensor eps;
    if (chunk.estimator->signs() == 2)
      eps = perturbations(Rng(parts_->options.seed), outer_step, chunk.first, chunk.unroll->particles(),
                          parts_->layout.size(), parts_->options.estimator.sigma);
    estimates[order[position]] = chunk.estimator->estimate(shared, eps, *chunk.unroll);
  };
  side_by_side(own.size(), run_chunk);
  return estimates;
}

NamedTensors Population::state() const {
  NamedTensors state;
  for (const Chunk& chunk : parts_->own) {
    const std::string prefix = "chunk." + std::to_string(chunk.number) + ".";
    for (const auto& [name, tensor] : chunk.unroll->state()) state.add(prefix + "unroll." + name, tensor);
    for (const auto& [name, tensor] : chunk.estimator->state()) state.add(prefix + "estimator." + name, tensor);
  }
  return state;
}

void Population::load_state(const NamedTensors& state) {
  const auto part = [&](const std::string& prefix) {
    NamedTensors selected;
    for (const auto& [name, tensor] : state)
      if (name.rfind(prefix, 0) == 0) selected.add(name.substr(prefix.size()), tensor);
    return selected;
  };
  for (Chunk& chunk : parts_->own) {
    const std::string prefix = "chunk." + std::to_string(chunk.number) + ".";
    chunk.unroll->load_state(part(prefix + "unroll."));
    chunk.estimator->load_state(part(prefix + "estimator."));
  }
}

}  // namespace nfopt
