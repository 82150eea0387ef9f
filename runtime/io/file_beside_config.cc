#include <nfopt/runtime/io/file_beside_config.h>

#include <filesystem>
#include <system_error>

namespace nfopt {

std::string found_beside(const std::string& file, const std::string& place) {
  const std::filesystem::path path(file);
  std::error_code ignored;
  if (file.empty() || path.is_absolute() || std::filesystem::exists(path, ignored)) return file;
  const size_t column = place.rfind(':'), line = column == std::string::npos ? column : place.rfind(':', column - 1);
  if (line == std::string::npos) return file;
  const std::filesystem::path beside = std::filesystem::path(place.substr(0, line)).parent_path() / path;
  return std::filesystem::exists(beside, ignored) ? beside.lexically_normal().string() : file;
}

}  // namespace nfopt
