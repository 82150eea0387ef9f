#include <fcntl.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/conformance/isolated_process.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <thread>

namespace nfopt::conformance {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kOutputKept = 4096;
constexpr size_t kReportKept = size_t{16} << 20;
constexpr int kPatience = 5;  // milliseconds until ends are looked for although nothing was written

// A pipe whose ends close themselves.
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

[[noreturn]] void become(const ProcessBody& body, int report, int output) {
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  int status = 0;
  try {
    body(report);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    status = 1;
  }
  std::fflush(nullptr);
  std::_Exit(status);  // as the nfopt command ends: LibTorch's static destructors take 0.2 s
}

class Process {
 public:
  Process(const ProcessBody& body, std::chrono::milliseconds limit) : start_(Clock::now()), limit_(limit) {
    std::fflush(nullptr);  // or the child would print what waits in this process's buffers once more
    id_ = ::fork();
    if (id_ == 0) become(body, report_.ends[1], output_.ends[1]);
    if (id_ < 0) throw Error("plugin check", std::string("no process for a test: ") + std::strerror(errno));
    for (Pipe* pipe : {&report_, &output_}) {
      pipe->close_end(1);
      ::fcntl(pipe->ends[0], F_SETFL, O_NONBLOCK);
    }
  }
  ~Process() {
    if (!ended_) kill();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::array<int, 2> descriptors() const { return {report_.ends[0], output_.ends[0]}; }

  // Reads what is there and looks whether the process has ended; not whether its pipes are closed, because its own
  // children may hold them open for ever.
  bool has_ended() {
    int status = 0;
    ended_ = ::waitpid(id_, &status, WNOHANG) == id_;
    read_available(report_, end_.report, kReportKept);
    read_available(output_, end_.output, kOutputKept);
    if (!ended_ && Clock::now() - start_ > limit_) {
      kill();
      end_.kind = ProcessEnd::Kind::timed_out;
    } else if (ended_ && WIFSIGNALED(status)) {
      end_.kind = ProcessEnd::Kind::killed_by_signal;
      end_.signal = WTERMSIG(status);
    } else if (ended_) {
      end_.status = WEXITSTATUS(status);
    }
    end_.time = Clock::now() - start_;
    return ended_;
  }
  ProcessEnd end() { return std::move(end_); }

 private:
  void kill() {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    ended_ = true;
  }

  static void read_available(Pipe& pipe, std::string& text, size_t keep) {
    if (pipe.ends[0] < 0) return;
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::read(pipe.ends[0], buffer, sizeof buffer)) > 0) {
      text.append(buffer, static_cast<size_t>(count));
      if (text.size() > keep) text.erase(0, text.size() - keep);
    }
    if (count == 0) pipe.close_end(0);  // nobody writes any more
  }

  Clock::time_point start_;
  std::chrono::milliseconds limit_;
  Pipe report_, output_;
  pid_t id_ = -1;
  bool ended_ = false;
  ProcessEnd end_;
};

void wait_for_any(const std::vector<std::unique_ptr<Process>>& processes) {
  std::vector<pollfd> descriptors;
  for (const auto& process : processes)
    if (process)
      for (const int descriptor : process->descriptors())
        if (descriptor >= 0) descriptors.push_back({descriptor, POLLIN, 0});
  ::poll(descriptors.data(), descriptors.size(), kPatience);
}

}  // namespace

std::vector<ProcessEnd> run_isolated(const std::vector<ProcessBody>& bodies, std::chrono::milliseconds limit) {
  const size_t most = std::max(1u, std::thread::hardware_concurrency());
  std::vector<ProcessEnd> ends(bodies.size());
  std::vector<std::unique_ptr<Process>> running(bodies.size());
  size_t started = 0, ended = 0;
  while (ended < bodies.size()) {
    for (; started < bodies.size() && started - ended < most; ++started)
      running[started] = std::make_unique<Process>(bodies[started], limit);
    wait_for_any(running);
    for (size_t i = 0; i < started; ++i) {
      if (!running[i] || !running[i]->has_ended()) continue;
      ends[i] = running[i]->end();
      running[i].reset();
      ++ended;
    }
  }
  return ends;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  const char* meaning = ::sigdescr_np(signal);
  return (name ? "SIG" + std::string(name) : "signal " + std::to_string(signal)) +
         (meaning ? " (" + std::string(meaning) + ")" : "");
}

}  // namespace nfopt::conformance
