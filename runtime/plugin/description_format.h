#pragma once

#include <nfopt/runtime/plugin/architecture.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// A kind of file that describes an architecture without code. The registry treats such files as plugins, but knows no
/// format itself: runtime/io registers YAML when the library is loaded. Files of the search directories end in
/// ".nfopt" + extension; a file named by its path needs the extension only.
struct DescriptionFormat {
  std::string_view extension;                             ///< ".yaml"
  std::string (*id)(const std::filesystem::path& file);   ///< the architecture's name; throws Error
  ArchitecturePtr (*read)(const std::filesystem::path&);  ///< throws Error that lists every problem
};

/// The format of a file, by its extension; nullptr: none, hence a plugin.
NFOPT_API const DescriptionFormat* description_format(const std::filesystem::path& file);

/// Known formats, in the order of their registration.
NFOPT_API const std::vector<DescriptionFormat>& description_formats();

/// Registers a format as a static object, before main.
struct NFOPT_API RegisterDescriptionFormat {
  explicit RegisterDescriptionFormat(const DescriptionFormat& format);
};

}  // namespace nfopt
