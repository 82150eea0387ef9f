#pragma once

#include <nfopt/runtime/plugin/byte_source.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// The contents of a section of an ELF64 little-endian shared library of this machine, at most `limit` bytes of it;
/// nothing when there is no such section. No library call hands these out, and loading the file would run its code.
///
/// Every offset, size and string index is checked against the file before it is followed. Throws PluginError (empty,
/// not_elf, truncated) whose message starts with `shown`.
NFOPT_API std::optional<std::vector<std::byte>> read_elf_section(const ByteSource& file, std::string_view section,
                                                                 size_t limit, const std::string& shown);

}  // namespace nfopt
