#pragma once

#include <fcntl.h>
#include <nfopt/runtime/cli/command_line.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/runtime/io/temporary_folder.h"

namespace nfopt::testing {

/// How a command ended.
struct Outcome {
  int status = -1;  ///< exit status, -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

/// The nfopt command as a process of its own: a fork of this one, which has loaded LibTorch already, so that a hundred
/// commands cost a hundred milliseconds. (The installed program itself is run by tests/package.) The test program must
/// not compute on several threads: a fork has only one.
class Command {
 public:
  explicit Command(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  /// Files the command writes may not grow beyond this: writing fails then, as on a full disk.
  Command& file_size_limit(size_t bytes) {
    file_size_ = bytes;
    return *this;
  }
  /// Standard error goes to this device instead of Outcome::err.
  Command& errors_to(std::string device) {
    error_device_ = std::move(device);
    return *this;
  }
  Command& environment(const std::string& name, const std::string& value) {
    environment_.emplace_back(name, value);
    return *this;
  }

  Outcome run() {
    start();
    return wait();
  }

  /// Sends `signal` once `when` holds (or the command has ended).
  Outcome run_until(const std::function<bool()>& when, int signal) {
    start();
    int status = 0;
    for (;;) {
      if (::waitpid(process_, &status, WNOHANG) == process_) return outcome(status);
      if (when()) break;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    ::kill(process_, signal);
    return wait();
  }

  // `run` in two halves, for several commands at once.
  void start() {
    std::fflush(nullptr);  // or the child would write what waits in the buffers of this process, too
    process_ = ::fork();
    if (process_ != 0) return;
    redirect(folder_ / "out", 1);
    redirect(error_device_.empty() ? folder_ / "err" : std::filesystem::path(error_device_), 2);
    if (file_size_ > 0) {
      const rlimit limit{file_size_, file_size_};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
    std::string name = "nfopt";
    std::vector<char*> argv = {name.data()};
    for (std::string& argument : arguments_) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int status = cli::run(static_cast<int>(argv.size()) - 1, argv.data());
    std::fflush(nullptr);
    std::_Exit(status);  // as main() does
  }

  Outcome wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    return outcome(status);
  }

 private:
  static void redirect(const std::filesystem::path& file, int descriptor) {
    ::dup2(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0600), descriptor);
  }

  Outcome outcome(int status) const {
    Outcome out;
    if (WIFEXITED(status)) out.status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
    out.out = text_of(folder_ / "out");
    out.err = text_of(folder_ / "err");
    return out;
  }

  std::vector<std::string> arguments_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::string error_device_;
  size_t file_size_ = 0;
  TemporaryFolder folder_;
  pid_t process_ = -1;
};

}  // namespace nfopt::testing
