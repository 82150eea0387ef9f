#include <nfopt/runtime/io/progress.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace nfopt {
namespace {

constexpr int kBarWidth = 24;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 256> buffer;
  std::snprintf(buffer.data(), buffer.size(), pattern, values...);
  return buffer.data();
}

size_t terminal_width(std::FILE* stream) {
  winsize size{};
  return ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 9.95) return format("%.1f s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60) return format("%lld s", whole);
  if (whole < 3600) return format("%lld min %lld s", whole / 60, whole % 60);
  return format("%lld h %lld min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(std::string name, int64_t first_step, int64_t total_steps, std::FILE* stream)
    : name_(std::move(name)),
      first_(first_step),
      total_(total_steps),
      stream_(stream),
      terminal_(::isatty(::fileno(stream)) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() { finish(); }

bool Progress::due() const {
  return Clock::now() - last_ >= (terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10));
}

std::string Progress::line(int64_t done, const std::string& status) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - first_) / seconds : 0;
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 1;
  std::string text =
      name_ + format("  %lld/%lld  %3.0f%%", static_cast<long long>(done), static_cast<long long>(total_), 100 * share);
  if (terminal_) {
    const int full = std::clamp(static_cast<int>(share * kBarWidth), 0, kBarWidth);
    text +=
        "  " + std::string(static_cast<size_t>(full), '=') + std::string(static_cast<size_t>(kBarWidth - full), '-');
  }
  text += format(rate >= 10 ? "  %.0f steps/s" : "  %.2g steps/s", rate);
  if (rate > 0 && done < total_) text += "  " + duration_text(static_cast<double>(total_ - done) / rate) + " left";
  return text + (status.empty() ? "" : "  " + status);
}

void Progress::update(int64_t done, const std::string& status) {
  if (!due()) return;
  last_ = Clock::now();
  std::string text = line(done, status);
  if (terminal_) {
    text.resize(std::min(text.size(), terminal_width(stream_) - 1));
    std::fprintf(stream_, "\r\033[K%s", text.c_str());
    drawn_ = true;
  } else {
    std::fprintf(stream_, "%s\n", text.c_str());
  }
  std::fflush(stream_);
}

void Progress::say(const std::string& line) {
  finish();
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
}

void Progress::finish() {
  if (!drawn_) return;
  std::fprintf(stream_, "\r\033[K");
  std::fflush(stream_);
  drawn_ = false;
}

}  // namespace nfopt
