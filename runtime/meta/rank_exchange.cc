#include <nfopt/runtime/meta/rank_exchange.h>
#include <nfopt/runtime/meta/tensor_bytes.h>
#include <nfopt/runtime/train/train_config.h>
#include <torch/types.h>

#include <algorithm>
#include <charconv>

namespace nfopt {
namespace {

// "chunk.12.unroll.weights" -> 12
int64_t chunk_of(const std::string& name) {
  const std::string_view prefix = "chunk.";
  int64_t chunk = -1;
  if (name.starts_with(prefix)) std::from_chars(name.data() + prefix.size(), name.data() + name.size(), chunk);
  return chunk;
}

NamedTensors tensors_of(const std::vector<Estimate>& own, const StopWish& wish) {
  NamedTensors tensors;
  tensors.add("stop", at::tensor({int64_t{wish.signal}, int64_t{wish.piece_ends}}, at::kLong));
  for (size_t i = 0; i < own.size(); ++i) tensors.add(std::to_string(i), own[i].packed());
  return tensors;
}

}  // namespace

SharedStep share_step(Communicator& communicator, const std::vector<Estimate>& own, int64_t chunks,
                      const StopWish& wish) {
  const int64_t ranks = communicator.size();
  SharedStep shared;
  if (ranks == 1) {
    shared.parts = own;
    shared.stop = wish;
    return shared;
  }
  std::vector<NamedTensors> all;
  for (const std::string& payload : communicator.all_gather(to_bytes(tensors_of(own, wish)))) {
    all.push_back(tensors_from_bytes(payload));
    const at::Tensor& stop = all.back().at("stop");
    shared.stop.signal = std::max(shared.stop.signal, static_cast<int>(stop.const_data_ptr<int64_t>()[0]));
    shared.stop.piece_ends = shared.stop.piece_ends || stop.const_data_ptr<int64_t>()[1] != 0;
  }
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    shared.parts.push_back(
        Estimate::unpacked(all[static_cast<size_t>(chunk % ranks)].at(std::to_string(chunk / ranks))));
  return shared;
}

NamedTensors share_state(Communicator& communicator, const NamedTensors& own) {
  if (communicator.size() == 1) return own;
  std::vector<std::pair<std::string, at::Tensor>> entries;
  for (const std::string& payload : communicator.all_gather(to_bytes(own)))
    for (auto& [name, tensor] : tensors_from_bytes(payload)) entries.emplace_back(name, tensor);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return chunk_of(a.first) < chunk_of(b.first); });
  NamedTensors state;
  for (auto& [name, tensor] : entries) state.add(std::move(name), std::move(tensor));
  return state;
}

std::string from_rank_zero(Communicator& communicator, std::string_view payload) {
  return communicator.all_gather(communicator.rank() == 0 ? payload : std::string_view()).front();
}

void check_same_on_all_ranks(Communicator& communicator, const std::string& text) {
  const std::vector<std::string> all = communicator.all_gather(text);
  std::string problems;
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    problems += "\n  rank " + std::to_string(rank) + ":";
    for (const std::string& difference : differences(parse_yaml(all[0], "rank 0"), parse_yaml(all[rank], "its config")))
      problems += "\n    " + difference;
  }
  if (!problems.empty())
    throw Error("communicator", "the ranks do not do the same. From rank 0 differ:" + problems +
                                    "\n  Give every rank the same command, config and nfopt.");
}

}  // namespace nfopt
