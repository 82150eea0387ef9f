#include <fcntl.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/conformance/isolated_process.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <tuple>

extern char** environ;

namespace nfopt::conformance {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kOutputKept = 4096;
constexpr size_t kReportKept = size_t{16} << 20;

// A pipe whose ends close themselves. Neither end survives an exec, so that children of other threads hold none.
struct Pipe {
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      throw Error("plugin check", std::string("no pipe for a test's process: ") + std::strerror(errno));
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  std::array<int, 2> ends{-1, -1};
};

pid_t start(const std::vector<std::string>& command, Pipe& report, Pipe& output) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output.ends[1], 1);
  posix_spawn_file_actions_adddup2(&files, output.ends[1], 2);
  posix_spawn_file_actions_adddup2(&files, report.ends[1], kReportDescriptor);
  pid_t process = -1;
  const int problem = ::posix_spawn(&process, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (problem != 0) throw Error("plugin check", "cannot start '" + command[0] + "': " + std::strerror(problem));
  return process;
}

// Reads what is there; false at the end.
bool read_some(int descriptor, std::string& text, size_t keep) {
  char buffer[4096];
  const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  text.append(buffer, static_cast<size_t>(count));
  if (text.size() > keep) text.erase(0, text.size() - keep);
  return count > 0;
}

}  // namespace

ProcessEnd run_isolated(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  Pipe report, output;
  // dup2 onto itself would leave the close-on-exec flag set, and the child without its report.
  if (report.ends[1] == kReportDescriptor) {
    const int other = ::fcntl(report.ends[1], F_DUPFD_CLOEXEC, kReportDescriptor + 1);
    report.close_end(1);
    report.ends[1] = other;
  }
  const pid_t process = start(command, report, output);
  report.close_end(1);
  output.close_end(1);

  ProcessEnd end;
  bool reading[2] = {true, true}, ended = false;
  int status = 0;
  while (!ended) {
    // Not only until the pipes close: a grandchild may hold them open for ever.
    pollfd descriptors[2] = {{reading[0] ? report.ends[0] : -1, POLLIN, 0},
                             {reading[1] ? output.ends[0] : -1, POLLIN, 0}};
    ::poll(descriptors, 2, reading[0] || reading[1] ? 20 : 2);
    if (descriptors[0].revents) reading[0] = read_some(report.ends[0], end.report, kReportKept);
    if (descriptors[1].revents) reading[1] = read_some(output.ends[0], end.output, kOutputKept);
    ended = ::waitpid(process, &status, WNOHANG) == process;
    if (!ended && Clock::now() > deadline) {
      ::kill(process, SIGKILL);
      ::waitpid(process, &status, 0);
      end.kind = ProcessEnd::Kind::timed_out;
      ended = true;
    }
  }
  for (const auto& [pipe, text, keep] : {std::tuple<Pipe*, std::string*, size_t>{&report, &end.report, kReportKept},
                                         {&output, &end.output, kOutputKept}}) {
    ::fcntl(pipe->ends[0], F_SETFL, O_NONBLOCK);
    char last[4096];
    for (ssize_t count; (count = ::read(pipe->ends[0], last, sizeof last)) > 0;) {
      text->append(last, static_cast<size_t>(count));
      if (text->size() > keep) text->erase(0, text->size() - keep);
    }
  }
  if (end.kind == ProcessEnd::Kind::timed_out) return end;
  if (WIFSIGNALED(status)) {
    end.kind = ProcessEnd::Kind::killed_by_signal;
    end.signal = WTERMSIG(status);
  } else {
    end.status = WEXITSTATUS(status);
  }
  return end;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  const char* meaning = ::sigdescr_np(signal);
  return (name ? "SIG" + std::string(name) : "signal " + std::to_string(signal)) +
         (meaning ? " (" + std::string(meaning) + ")" : "");
}

}  // namespace nfopt::conformance
