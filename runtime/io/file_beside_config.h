#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>

namespace nfopt {

/// The path of a file that a config names. A relative one that is not in the working directory is looked for beside the
/// config; `place` is "FILE:LINE:COLUMN" there (YamlValue::place). One that is in neither comes back as written: the
/// message about it is its reader's.
NFOPT_API std::string found_beside(const std::string& file, const std::string& place);

}  // namespace nfopt
