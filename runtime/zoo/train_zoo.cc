#include <ATen/Parallel.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/meta/side_by_side.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/tasks/task.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/zoo/train_chunk.h>
#include <nfopt/runtime/zoo/train_zoo.h>
#include <nfopt/runtime/zoo/zoo_plan.h>
#include <nfopt/runtime/zoo/zoo_report.h>
#include <tbb/global_control.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

/// One task for every combination of batch size and options that occurs; all share the data.
class ZooTasks {
 public:
  ZooTasks(const ZooConfig& config, const std::vector<ZooChunk>& chunks) {
    Registry& registry = Registry::global();
    for (const std::string& folder : config.plugins) registry.add_directory(folder);
    const ArchitecturePtr architecture = registry.find(config.architecture);
    const at::ScalarType dtype = config.dtype == "float64" ? at::kDouble : at::kFloat;
    const Dataset data = load_fashion_mnist(config.data, dtype);
    std::string first;
    for (const ZooChunk& chunk : chunks) {
      std::shared_ptr<const Task>& task = tasks_[key(chunk)];
      if (task) continue;
      std::map<std::string, OptionValue> options = config.architecture_options;
      for (const auto& [name, value] : chunk.shared().options) options[name] = value;
      task = std::make_shared<const Task>(instantiate(architecture, options), data, chunk.shared().batch_size, at::kCPU,
                                          dtype);
      const std::string space = to_text(*task->space());
      if (first.empty()) first = space;
      if (space != first)
        throw Error("zoo", "draw.options change the parameters of '" + config.architecture +
                               "': expected one weight space for all networks, received\n" + first + "and\n" + space +
                               "Draw only what leaves names, shapes and symmetries as they are, such as activation.");
    }
  }
  const std::shared_ptr<const Task>& of(const ZooChunk& chunk) const { return tasks_.at(key(chunk)); }

 private:
  static std::pair<int64_t, std::map<std::string, OptionValue>> key(const ZooChunk& chunk) {
    return {chunk.shared().batch_size, chunk.shared().options};
  }
  std::map<std::pair<int64_t, std::map<std::string, OptionValue>>, std::shared_ptr<const Task>> tasks_;
};

/// Calls the callbacks one at a time.
class Board {
 public:
  Board(const ZooCallbacks& callbacks, ZooProgress start) : callbacks_(callbacks), progress_(start) {
    if (callbacks_.on_begin) callbacks_.on_begin(progress_);
  }
  void stepped(int64_t steps, int64_t networks) {
    const std::lock_guard lock(mutex_);
    progress_.done += steps;
    progress_.networks += networks;
    if (callbacks_.on_step) callbacks_.on_step(progress_);
  }

 private:
  std::mutex mutex_;
  const ZooCallbacks& callbacks_;
  ZooProgress progress_;
};

int64_t steps_of(const ZooChunk& chunk) {
  int64_t steps = 0;
  for (const ZooNetwork& network : chunk.networks) steps += network.hyper_parameters.steps;
  return steps;
}

bool same_networks(const std::vector<ZooNetwork>& a, const std::vector<ZooNetwork>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ZooNetwork& x, const ZooNetwork& y) { return x.index == y.index; });
}

// The records of a chunk that is finished already.
std::optional<std::vector<ZooNetwork>> saved(const fs::path& file, const ZooChunk& chunk,
                                             const ZooCallbacks& callbacks) {
  std::error_code code;
  if (!fs::exists(file, code)) return {};
  try {
    Zoo shard = read_zoo_shard(file);
    if (same_networks(shard.networks, chunk.networks)) return std::move(shard.networks);
    throw Error("zoo", "'" + file.string() + "' holds other networks than this config trains.");
  } catch (const Error& problem) {
    if (callbacks.on_notice) callbacks.on_notice(std::string(problem.what()) + " Its networks are trained again.");
  }
  return {};
}

// Temporary files of a process that was killed while it wrote (the names that write_atomically gives).
void remove_leftovers(const fs::path& shards) {
  std::error_code code;
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(shards, code))
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) leftovers.push_back(entry.path());
  for (const fs::path& leftover : leftovers) fs::remove(leftover, code);
}

RunIdentity identity_of(const ZooConfig& config) {
  RunIdentity run;
  run.command = "zoo";
  run.config = to_yaml_value(config);
  run.checkpoint_keep = 0;  // shards are what a zoo continues from
  run.may_differ = [](const std::string& difference, const YamlValue&) {
    return difference.starts_with("threads ") || difference.starts_with("plugins ");
  };
  return run;
}

}  // namespace

ZooResult train_zoo(const ZooConfig& config, const fs::path& path, RunFolder::Mode mode,
                    const ZooCallbacks& callbacks) {
  const auto start = std::chrono::steady_clock::now();
  at::set_num_threads(1);
  std::optional<tbb::global_control> limit;
  if (config.threads > 0)
    limit.emplace(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(config.threads));

  const std::vector<ZooChunk> chunks = plan_zoo(config);
  const ZooTasks tasks(config, chunks);
  const RunFolder folder(path, identity_of(config), mode);
  for (const std::string& notice : folder.notices())
    if (callbacks.on_notice) callbacks.on_notice(notice);
  const fs::path shards = folder / "shards";
  std::error_code code;
  fs::create_directories(shards, code);
  remove_leftovers(shards);

  std::vector<std::vector<ZooNetwork>> records(chunks.size());
  std::vector<size_t> open;
  ZooProgress progress;
  for (size_t c = 0; c < chunks.size(); ++c) {
    progress.total += steps_of(chunks[c]);
    if (auto found = saved(shards / chunks[c].file_name(), chunks[c], callbacks)) {
      progress.done += steps_of(chunks[c]);
      progress.networks += static_cast<int64_t>(found->size());
      records[c] = std::move(*found);
    } else {
      open.push_back(c);
    }
  }
  std::stable_sort(open.begin(), open.end(), [&](size_t a, size_t b) { return chunks[a].cost() > chunks[b].cost(); });

  ZooResult result;
  const int64_t before = progress.networks;
  Board board(callbacks, progress);
  side_by_side(open.size(), [&](size_t n) {
    const ZooChunk& chunk = chunks[open[n]];
    const auto go_on = [&](int64_t steps) {
      board.stepped(steps, 0);
      return Interruption::signal() == 0;
    };
    if (Interruption::signal() != 0) return;
    if (const std::optional<Zoo> trained = train_chunk(tasks.of(chunk), config, chunk, go_on)) {
      write_zoo_shard(shards / chunk.file_name(), *trained);
      records[open[n]] = trained->networks;
      board.stepped(0, static_cast<int64_t>(chunk.networks.size()));
    }
  });

  for (const auto& record : records) result.networks.insert(result.networks.end(), record.begin(), record.end());
  std::sort(result.networks.begin(), result.networks.end(),
            [](const ZooNetwork& a, const ZooNetwork& b) { return a.index < b.index; });
  result.trained = static_cast<int64_t>(result.networks.size()) - before;
  result.finished = static_cast<int64_t>(result.networks.size()) == config.networks;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // A finished zoo that is only looked at keeps the summary of those who trained it.
  if (result.finished && (result.trained > 0 || !fs::exists(path / "summary.json", code)))
    write_zoo_report(config, result, path);
  return result;
}

}  // namespace nfopt
