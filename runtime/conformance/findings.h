#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

namespace nfopt::conformance {

/// One thing that a conformance test has to say.
struct Finding {
  enum class Kind : uint8_t {
    example,  ///< the test turns to this example; says where a crash happened
    failure,
    note,    ///< worth knowing, no failure
    skipped  ///< the test does not apply, and why
  };
  Kind kind = Kind::failure;
  std::string text;
};

/// A relative error as findings state it: "1.2e-11".
inline std::string error_text(double relative) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", relative);
  return text;
}

/// Where a test puts its findings. They leave at once, so that a crash later in the same test loses none.
class Findings {
 public:
  using Sink = std::function<void(const Finding&)>;
  explicit Findings(Sink sink) : sink_(std::move(sink)) {}

  void example(std::string name) { sink_({Finding::Kind::example, std::move(name)}); }
  void fail(std::string text) { sink_({Finding::Kind::failure, std::move(text)}); }
  void note(std::string text) { sink_({Finding::Kind::note, std::move(text)}); }
  void skip(std::string why) { sink_({Finding::Kind::skipped, std::move(why)}); }

 private:
  Sink sink_;
};

}  // namespace nfopt::conformance
