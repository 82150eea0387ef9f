#pragma once

#include <string_view>
#include <vector>

namespace nfopt::cli {

/// A file of the plugin that `nfopt plugin new` writes, as it stands in plugin_template/: a plugin named "example_net"
/// that compiles as it is.
struct TemplateFile {
  std::string_view name;
  std::string_view text;
};

/// Every file of plugin_template/, compiled into the command (CMakeLists.txt).
const std::vector<TemplateFile>& plugin_template();

}  // namespace nfopt::cli
