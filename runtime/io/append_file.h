#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace nfopt {

/// A file that only grows by whole records. A record that cannot be written completely (full disk) is taken back and
/// throws Error naming the file and the reason.
class NFOPT_API AppendFile {
 public:
  enum class Open : uint8_t {
    existing_or_new,
    new_only  ///< Error when the file is there
  };
  explicit AppendFile(std::filesystem::path path, Open open = Open::existing_or_new);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view record);
  void sync();  ///< returns when the records are on the disk
  const std::filesystem::path& path() const { return path_; }

 private:
  [[noreturn]] void fail(int code) const;
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace nfopt
