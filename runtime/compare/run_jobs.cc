#include <ATen/Parallel.h>
#include <nfopt/runtime/compare/run_jobs.h>
#include <nfopt/runtime/compare/shared_data.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/train/stop_on_signal.h>
#include <nfopt/runtime/train/train.h>
#include <nfopt/runtime/train/train_report.h>
#include <torch/types.h>

#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace nfopt {
namespace {

// One bar for all runs, in steps.
class Board {
 public:
  Board(size_t runs, int64_t steps, std::function<void(const std::string&)> on_notice)
      : runs_(runs), on_notice_(std::move(on_notice)), progress_("compare", 0, steps) {}

  void stepped(const std::string& name) {
    const std::lock_guard lock(mutex_);
    ++steps_;
    if (progress_.due())
      progress_.update(steps_, std::to_string(ended_) + " of " + std::to_string(runs_) + " runs  " + name);
  }
  void ended() {
    const std::lock_guard lock(mutex_);
    ++ended_;
  }
  void notice(const std::string& text) {
    const std::lock_guard lock(mutex_);
    progress_.finish();
    if (on_notice_) on_notice_(text);
  }

 private:
  std::mutex mutex_;
  size_t runs_;
  size_t ended_ = 0;
  int64_t steps_ = 0;
  std::function<void(const std::string&)> on_notice_;
  Progress progress_;
};

class BoardCallback final : public Callback {
 public:
  BoardCallback(Board& board, std::string name) : board_(board), name_(std::move(name)) {}
  Flow on_step(const Trainer&) override {
    board_.stepped(name_);
    return Flow::kContinue;
  }
  void on_notice(const std::string& text) override { board_.notice(name_ + ": " + text); }

 private:
  Board& board_;
  std::string name_;
};

RunRecord run_in_folder(const RunJob& job, const Dataset& data, RunFolder::Mode mode, const Callbacks& callbacks) {
  RunRecord record;
  try {
    record.result = train_on(data, job.config, job.folder, mode, callbacks);
  } catch (const Diverged& problem) {
    record.result.diverged_at = problem.step();
    record.result.step = problem.step();
    write_train_summary(job.config, record.result, job.folder);
  }
  record.rows = read_metrics(job.folder / "metrics.csv", metrics_columns());
  return record;
}

// Without files: only the record stays.
RunRecord run_in_memory(const RunJob& job, const Dataset& data, Callbacks callbacks) {
  callbacks.push_back(std::make_shared<StopOnSignal>());
  Trainer trainer(job.config, data);
  RunRecord record;
  try {
    record.result = trainer.run(callbacks);
  } catch (const Diverged& problem) {
    record.result.diverged_at = problem.step();
    record.result.step = problem.step();
  }
  record.rows = trainer.rows();
  const MetricsRow& last = record.rows.back();
  record.result.test_loss = last.values[2];
  record.result.test_accuracy = last.values[3];
  return record;
}

std::optional<RunRecord> known(const RunJob& job, const RecordCache& cache) {
  return job.folder.empty() ? cache.find(job.config) : finished_run(job.config, job.folder);
}

void side_by_side(size_t count, int64_t threads, const std::function<void(size_t)>& run) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  tbb::task_arena arena(static_cast<int>(std::min<int64_t>(threads, static_cast<int64_t>(std::max<size_t>(1, count)))));
  arena.execute([&] {
    tbb::parallel_for(
        size_t{0}, count,
        // Isolated: a run that waits for its own kernels must not begin another run in the middle of a step.
        [&](size_t i) { tbb::this_task_arena::isolate([&] { run(i); }); }, tbb::simple_partitioner());
  });
}

}  // namespace

std::vector<RunRecord> run_jobs(const std::vector<RunJob>& jobs, const RecordCache& cache,
                                const RunJobsOptions& options) {
  std::vector<RunRecord> records(jobs.size());
  std::vector<size_t> open;
  int64_t steps = 0;
  size_t cached = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (std::optional<RunRecord> found = known(jobs[i], cache)) {
      records[i] = std::move(*found);
      if (jobs[i].folder.empty()) {
        ++cached;
      } else if (options.on_notice) {
        options.on_notice(jobs[i].folder.string() + ": finished earlier, reused");
      }
      continue;
    }
    open.push_back(i);
    steps += jobs[i].config.steps;
  }
  if (cached > 0 && options.on_notice)
    options.on_notice(std::to_string(cached) + " runs of sweeps found in " + cache.folder().string());
  if (open.empty()) return records;

  at::set_num_threads(1);
  SharedData data;
  Board board(open.size(), steps, options.on_notice);
  std::vector<std::exception_ptr> problems(open.size());
  std::atomic<bool> failed = false;  // what is wrong with one run is mostly wrong with the next: no other is begun
  side_by_side(open.size(), options.threads, [&](size_t n) {
    if (failed || Interruption::signal() != 0) return;
    const RunJob& job = jobs[open[n]];
    try {
      const Callbacks callbacks = {std::make_shared<BoardCallback>(board, job.name)};
      const std::shared_ptr<const Dataset> examples = data.of(job.config);
      RunRecord record = job.folder.empty() ? run_in_memory(job, *examples, callbacks)
                                            : run_in_folder(job, *examples, options.mode, callbacks);
      const bool ended = record.result.finished || record.diverged();
      if (ended && job.folder.empty()) cache.store(job.config, record);
      if (ended) board.ended();
      records[open[n]] = std::move(record);
    } catch (...) {
      problems[n] = std::current_exception();
      failed = true;
    }
  });
  for (const std::exception_ptr& problem : problems)
    if (problem) std::rethrow_exception(problem);
  for (const size_t i : open)
    if (!records[i].result.finished && !records[i].diverged())
      throw ComparisonStopped("Stopped before all runs had ended (" + jobs[i].name + " at step " +
                              std::to_string(records[i].result.step) +
                              "); everything is saved. Give the same command with --resume.");
  return records;
}

}  // namespace nfopt
