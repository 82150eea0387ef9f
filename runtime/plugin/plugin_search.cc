#include <vector>  // Boost 1.74's library_info.hpp uses std::vector without including it

#include <nfopt/runtime/plugin/description_format.h>
#include <nfopt/runtime/plugin/plugin_search.h>
#include <boost/dll/runtime_symbol_info.hpp>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace nfopt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSuffix = ".nfopt.so";

bool holds_architecture(const fs::path& file) {
  if (file.filename().string().ends_with(kSuffix)) return true;
  return description_format(file) != nullptr && file.stem().extension() == ".nfopt";
}

void add(std::vector<SearchDirectory>& directories, const fs::path& path, const char* reason) {
  const fs::path normal = fs::absolute(path).lexically_normal();
  const auto same = [&](const SearchDirectory& known) { return known.path == normal; };
  if (std::none_of(directories.begin(), directories.end(), same)) directories.push_back({normal, reason});
}

}  // namespace

std::vector<SearchDirectory> standard_plugin_directories() {
  std::vector<SearchDirectory> directories;
  if (const char* variable = std::getenv("NFOPT_PLUGIN_PATH")) {
    const std::string list = variable;
    for (size_t start = 0; start <= list.size();) {
      const size_t end = std::min(list.find(':', start), list.size());
      if (end > start) add(directories, list.substr(start, end - start), "NFOPT_PLUGIN_PATH");
      start = end + 1;
    }
  }
  std::error_code problem;
  const fs::path library = boost::dll::this_line_location(problem);
  if (!problem && !library.empty()) {
    add(directories, fs::absolute(library).parent_path() / "nfopt" / "plugins", "installed");
  }
  const fs::path program = boost::dll::program_location(problem);
  if (!problem && !program.empty()) {
    const fs::path folder = program.parent_path();
    add(directories, folder, "beside the program");
    add(directories, folder / "plugins", "beside the program");
    add(directories, folder.parent_path() / "plugins", "beside the program");
  }
  return directories;
}

std::vector<fs::path> plugin_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end; entry.increment(problem)) {
    if (holds_architecture(entry->path())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string to_string(const std::vector<SearchDirectory>& directories) {
  std::string text = "searched:";
  for (const auto& directory : directories) {
    text += "\n         " + directory.path.string() + " (" + directory.reason + ")";
  }
  return directories.empty() ? "searched: no directory" : text;
}

bool names_plugin_file(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(kSuffix) || description_format(name) != nullptr;
}

}  // namespace nfopt
