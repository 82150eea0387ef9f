#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace nfopt::testing {

/// A terminal that nobody looks at: what is written to the device `name()` comes back from `read`. Whoever writes much
/// waits until somebody reads.
class Terminal {
 public:
  explicit Terminal(unsigned short columns = 240) : reader_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (reader_ < 0 || ::grantpt(reader_) != 0 || ::unlockpt(reader_) != 0)
      throw std::runtime_error("this machine gives no pseudo terminal");
    name_ = ::ptsname(reader_);
    // Held open: without a writer the reading end would report a hang-up.
    writer_ = ::open(name_.c_str(), O_RDWR | O_NOCTTY);
    winsize size{};
    size.ws_row = 25;
    size.ws_col = columns;
    ::ioctl(writer_, TIOCSWINSZ, &size);
    ::fcntl(reader_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    ::close(writer_);
    ::close(reader_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  const std::string& name() const { return name_; }

  /// Everything written so far.
  const std::string& read() {
    char buffer[4096];
    for (;;) {
      const ssize_t n = ::read(reader_, buffer, sizeof buffer);
      if (n <= 0) return text_;
      text_.append(buffer, static_cast<size_t>(n));
    }
  }

 private:
  int reader_;
  int writer_ = -1;
  std::string name_;
  std::string text_;
};

}  // namespace nfopt::testing
