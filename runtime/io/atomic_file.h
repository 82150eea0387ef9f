#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace nfopt {

/// Replaces the file `path` by what `write` produces, or leaves everything as it was: temporary name in the same
/// folder, write, flush, fsync, rename, fsync of the folder. Throws Error with the operating system's reason; the
/// temporary file is gone then.
NFOPT_API void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
NFOPT_API void write_atomically(const std::filesystem::path& path, std::string_view text);

/// The whole file as bytes. Throws Error naming the file and the operating system's reason.
NFOPT_API std::string read_file(const std::filesystem::path& path);

}  // namespace nfopt
