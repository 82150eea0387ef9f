#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace nfopt {

/// The bytes of a text file: as they are, or unpacked when it is a windowed compressed text (below).
/// Throws Error naming the file when it cannot be read. At most 2 GiB.
NFOPT_API std::string read_text(const std::filesystem::path& path);

/// Whether these are the first bytes of a windowed compressed text.
NFOPT_API bool is_windowed_text(std::string_view bytes);

/// Unpacks the format of the Bible Retrieval System (Chapin 1989; Debian's bible-kjv-text, /usr/lib/bible.data).
///
///   0    "EC02Compressed Data File", padded with zeros
///   84   big-endian u32: bytes of one window when unpacked, number n of windows
///   92   n big-endian u32: where each window begins in the file
///
/// Every window stands for itself: LZW codes, low bits first, 9 bits wide at first and one more whenever the table is
/// full; 256 ends a window, the first new entry is 257.
/// `shown` names the text in messages. Throws Error when it is damaged or cut short.
NFOPT_API std::string unpack_windowed_text(std::string_view bytes, const std::string& shown);

}  // namespace nfopt
