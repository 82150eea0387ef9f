#pragma once

#include <nfopt/nflayers/spec/error.h>

#include <optional>
#include <string_view>

namespace nfopt {

/// What a fuzz target tests, defined once per target. Any input must end in a return: nfopt::Error is an answer and is
/// caught with `answer`, everything else (another exception, a sanitizer's report, a hang) is a defect.
void fuzz(std::string_view input);

/// The value of `read()`, or nothing when it refused the input.
template <class Read>
auto answer(Read read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Ends the process with `claim` when it does not hold.
void require(bool holds, std::string_view claim);

}  // namespace nfopt
