#include <fcntl.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/train/run_folder.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code && !fs::is_directory(path)) code = std::make_error_code(std::errc::not_a_directory);
  if (code) throw Error("run", "cannot make the folder '" + path.string() + "': " + code.message() + ".");
}

bool has_entries(const fs::path& path) {
  std::error_code code;
  return fs::directory_iterator(path, code) != fs::directory_iterator();
}

// Temporary files of a process that was killed while it wrote (the names that write_atomically gives).
void remove_leftovers(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") && name.find(".tmp-") != std::string::npos) leftovers.push_back(entry.path());
  }
  for (const fs::path& leftover : leftovers) fs::remove(leftover, code);
}

}  // namespace

RunIdentity identity_of(const TrainConfig& config) {
  RunIdentity run;
  run.command = "train";
  run.config = to_yaml_value(config);
  run.steps = config.steps;
  run.checkpoint_keep = config.checkpoint_keep;
  // Keys that do not change what the common steps compute.
  const bool decays = config.optimizer.schedule.decay != LrSchedule::Decay::constant;  // more steps decay more slowly
  run.may_differ = [decays, steps = config.steps](const std::string& difference, const YamlValue& before) {
    if (difference.starts_with("checkpoint.") || difference.starts_with("plugins ")) return true;
    if (!difference.starts_with("steps ") || decays) return false;
    const YamlValue* then = before.find("steps");
    return then != nullptr && as_integer(*then).value_or(steps + 1) <= steps;
  };
  return run;
}

RunFolder::RunFolder(fs::path path, const RunIdentity& run, Mode mode)
    : path_(std::move(path)), checkpoints_(path_ / "checkpoints", run.checkpoint_keep) {
  std::error_code code;
  if (mode == Mode::fresh && fs::is_directory(path_, code) && has_entries(path_)) {
    const bool holds_run = fs::exists(path_ / "config.yaml", code);
    throw Error("run", "'" + path_.string() + "' is not empty" + (holds_run ? ": it holds a run" : "") +
                           ". Nothing was changed. " + (holds_run ? "Continue it with --resume, or name" : "Name") +
                           " another folder with --out.");
  }
  make_folder(path_);
  lock();
  try {
    const fs::path config_file = path_ / "config.yaml";
    if (mode == Mode::resume) {
      remove_leftovers(path_);
      remove_leftovers(path_ / "checkpoints");
      if (has_entries(path_) && !fs::exists(config_file, code))
        throw Error("run",
                    "'" + path_.string() + "' holds something, but no run (no config.yaml). Nothing was changed.");
      if (fs::exists(config_file, code)) check_same_config(read_file(config_file), config_file.string(), run);
      CheckpointFolder::Found found = checkpoints_.newest();
      start_ = std::move(found.checkpoint);
      notices_ = std::move(found.notices);
      if (start_) {
        const std::string origin = checkpoints_.file(start_->step).string();
        check_same_config(start_->config, origin, run);
        if (start_->step > run.steps)
          throw Error("run", "'" + origin + "' is step " + std::to_string(start_->step) + " of a run of " +
                                 std::to_string(run.steps) + " steps.");
      } else if (run.checkpoint_keep > 0) {
        notices_.push_back("no checkpoint in '" + path_.string() + "': the run begins anew.");
      }
    }
    if (run.checkpoint_keep > 0) make_folder(path_ / "checkpoints");
    write_atomically(config_file, "# nfopt " + run.command + " config.yaml repeats this run.\n" + to_yaml(run.config));
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

RunFolder::~RunFolder() { ::close(lock_); }

// On the folder itself, so that no lock file stays behind a process that was killed.
void RunFolder::lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw Error("run", "cannot open the folder '" + path_.string() + "': " + std::strerror(errno) + ".");
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(lock_);
  throw Error("run", "'" + path_.string() + "' is in use by another nfopt process.");
}

void RunFolder::check_same_config(const std::string& before, const std::string& origin, const RunIdentity& run) {
  const YamlValue then = parse_yaml(before, origin);
  std::string text;
  for (const std::string& difference : differences(then, run.config))
    if (!run.may_differ(difference, then)) text += "\n  " + difference;
  if (!text.empty())
    throw Error("run", "'" + origin + "' belongs to a run with another config. It differs in:" + text +
                           "\n  Resume with the config it began with, or name another folder with --out.");
}

fs::path default_run_folder(const TrainConfig& config) {
  return fs::path("runs") / (config.name + "-" + config.optimizer.name + "-seed" + std::to_string(config.seed));
}

}  // namespace nfopt
