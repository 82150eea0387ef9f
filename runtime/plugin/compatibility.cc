#include <nfopt/runtime/plugin/compatibility.h>
#include <nfopt/runtime/plugin/plugin_error.h>

#include <algorithm>

namespace nfopt {
namespace {

std::string standard(uint32_t value) {
  switch (value) {
    case 201703:
      return "C++17";
    case 202002:
      return "C++20";
    case 202302:
      return "C++23";
    default:
      return "__cplusplus " + std::to_string(value);
  }
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

}  // namespace

nfopt_manifest host_manifest() {
  constexpr nfopt_manifest kHost = make_manifest({.id = "host", .version = NFOPT_VERSION}, NFOPT_HOST_LIBTORCH);
  return kHost;
}

std::vector<Comparison> compare(const nfopt_manifest& plugin, const nfopt_manifest& host) {
  const auto compiler = [](const nfopt_manifest& m) {
    return std::string(m.compiler) + " " + std::to_string(m.compiler_major);
  };
  std::vector<Comparison> rows = {
      {"ABI", std::to_string(plugin.plugin_abi), std::to_string(host.plugin_abi)},
      {"compiler", compiler(plugin), compiler(host)},
      {"standard", standard(plugin.cxx_standard), standard(host.cxx_standard)},
      {"cxx11abi", std::to_string(plugin.libstdcxx_abi), std::to_string(host.libstdcxx_abi)}};
  if (plugin.uses_torch) rows.push_back({"torch", plugin.libtorch, host.libtorch});
  rows.push_back({"nfopt", plugin.nfopt, host.nfopt, false});
  const auto build = [](const nfopt_manifest& m) { return std::string(m.build_type[0] ? m.build_type : "unnamed"); };
  rows.push_back({"build", build(plugin), build(host), false});
  return rows;
}

void require_compatible(const nfopt_manifest& plugin, const nfopt_manifest& host, const std::string& shown) {
  const auto rows = compare(plugin, host);
  if (std::none_of(rows.begin(), rows.end(), [](const auto& r) { return r.must_match && !r.matches(); })) return;

  std::string table = "\n              " + padded("plugin", 14) + "host";
  for (const auto& row : rows) {
    if (!row.matches()) table += "\n  " + padded(row.what, 12) + padded(row.plugin, 14) + row.host;
  }
  throw PluginError(PluginError::Reason::incompatible,
                    shown + " was built for another nfopt." + table +
                        "\nRebuild it against this installation: cmake -S . -B build -DCMAKE_PREFIX_PATH=<prefix>");
}

}  // namespace nfopt
