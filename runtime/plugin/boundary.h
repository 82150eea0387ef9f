#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <string_view>

namespace nfopt {

/// Rethrows the exception in flight as an Error of the host's own, with its text copied: an exception object made by a
/// plugin must not travel through the host. An Error keeps its component and text; anything else becomes
/// "[plugins] 'gru' failed in describe: <text>". Call it inside a catch block.
[[noreturn]] NFOPT_API void rethrow_at_boundary(const std::string& architecture, const char* where);

/// The same when the text is already at hand.
[[noreturn]] NFOPT_API void throw_at_boundary(const std::string& architecture, const char* where,
                                              std::string_view text);

}  // namespace nfopt
