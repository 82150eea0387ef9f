// nfopt plugin new: a folder that builds against an installation, passes `nfopt plugin check` and trains.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/cli/plugin_subcommands.h>
#include <nfopt/runtime/cli/plugin_template.h>

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace nfopt::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 31;  // nfopt_manifest::id holds 32 with its end

void require_usable(const std::string& name) {
  bool usable = !name.empty() && name.size() <= kLongestName && name[0] >= 'a' && name[0] <= 'z';
  for (const char c : name) usable = usable && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  if (!usable)
    throw Error("plugin new", "'" + name + "' cannot be a plugin's name: expected 1 to " +
                                  std::to_string(kLongestName) + " characters [a-z0-9_], the first a letter.");
}

// "gru_cell" -> "GruCell"
std::string class_name(const std::string& name) {
  std::string text;
  bool first = true;
  for (const char c : name) {
    if (c != '_') text += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = c == '_';
  }
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string renamed(std::string_view text, const std::string& name) {
  return replaced(replaced(std::string(text), "example_net", name), "ExampleNet", class_name(name));
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw Error("plugin new", "cannot write '" + file.string() + "'. Is the disk full?");
}

// The prefix this program is installed in, nothing when it runs from a build folder.
std::optional<fs::path> installed_prefix() {
  std::error_code problem;
  const fs::path prefix = fs::read_symlink("/proc/self/exe", problem).parent_path().parent_path();
  if (problem || !fs::exists(prefix / "lib" / "cmake" / "nfopt" / "nfoptConfig.cmake", problem)) return {};
  return prefix;
}

void create(const std::string& name, const std::string& parent) {
  require_usable(name);
  const fs::path folder = fs::path(parent) / name;
  if (fs::exists(folder))
    throw Error("plugin new", "'" + folder.string() + "' exists. Choose another name or --dir, or remove it.");
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) throw Error("plugin new", "cannot create '" + folder.string() + "': " + problem.message() + ".");
  try {
    for (const auto& file : plugin_template()) write(folder / renamed(file.name, name), renamed(file.text, name));
  } catch (...) {
    fs::remove_all(folder, problem);  // half a plugin would only be in the way
    throw;
  }

  const auto prefix = installed_prefix();
  const std::string shown_prefix = prefix ? prefix->string() : "<prefix>";
  const char* n = name.c_str();
  std::printf("%s: a residual network that builds, passes its tests and trains. Make it yours.\n\n", folder.c_str());
  if (!prefix) {
    std::printf("This nfopt is not installed. Once, in the clone of nfopt, for any folder <prefix>:\n");
    std::printf("  cmake --install build/release --prefix <prefix>\n\n");
  }
  std::printf("  cd %s\n", folder.c_str());
  std::printf("  cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=%s\n", shown_prefix.c_str());
  std::printf("  cmake --build build\n");
  std::printf("  nfopt plugin check build/plugins/%s.nfopt.so\n", n);
  std::printf("  nfopt train config.yaml\n");
}

}  // namespace

void add_plugin_new(CLI::App& plugin) {
  struct Arguments {
    std::string name;
    std::string parent = ".";
  };
  auto* app = plugin.add_subcommand("new", "Write a plugin that builds, passes its tests and trains");
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("name", arguments->name, "id and folder, [a-z0-9_]+")->required();
  app->add_option("--dir", arguments->parent, "where the folder is made")->capture_default_str();
  app->callback([arguments] { create(arguments->name, arguments->parent); });
}

}  // namespace nfopt::cli
