#include <vector>  // before Boost.DLL: 1.74 uses std::vector without including it

#include <nfopt/runtime/plugin/plugin_error.h>
#include <nfopt/runtime/plugin/plugin_loader.h>
#include <boost/dll/shared_library.hpp>

#include <system_error>

namespace nfopt {
namespace {

using Reason = PluginError::Reason;

// Deliberately leaked, also when something later fails: see the header.
boost::dll::shared_library& open_for_ever(const std::filesystem::path& file) {
  auto* library = new boost::dll::shared_library();
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  try {
    // A path without a directory would be looked up elsewhere.
    library->load(std::filesystem::absolute(file), mode);
  } catch (const std::exception& error) {
    // what() carries the dynamic linker's sentence; the error code in it is noise.
    throw PluginError(Reason::unresolved_symbol, "'" + file.string() + "' cannot be loaded: " + error.what() +
                                                     "\n       Was it linked against nfopt::plugin?");
  }
  return *library;
}

}  // namespace

ArchitecturePtr create_guarded(CreateArchitecture create, const nfopt_manifest& manifest, const std::string& shown) {
  char text[1024] = "no reason given";
  ArchitecturePtr foreign(create(text, sizeof text));
  if (!foreign) throw PluginError(Reason::throws, shown + " failed while creating its architecture: " + text);

  ArchitecturePtr guarded;
  std::string name;
  try {
    guarded = foreign->guarded(foreign);
    name = guarded->info().name;
  } catch (const std::exception& error) {
    throw PluginError(Reason::throws, shown + " failed in info(): " + std::string(error.what()));
  }
  if (name != manifest.id) {
    throw PluginError(Reason::id_mismatch, shown + " contradicts itself: its manifest says id '" + manifest.id +
                                               "', its info() says name '" + name +
                                               "'. Make .id in NFOPT_PLUGIN equal info().name.");
  }
  return guarded;
}

ArchitecturePtr load_plugin(const std::filesystem::path& file, const nfopt_manifest& manifest) {
  auto& library = open_for_ever(file);
  const std::string shown = "'" + file.string() + "'";
  if (!library.has(NFOPT_PLUGIN_ENTRY)) {
    throw PluginError(Reason::no_entry,
                      shown + " has a manifest but does not export '" + NFOPT_PLUGIN_ENTRY +
                          "'. Use NFOPT_PLUGIN outside of any unnamed namespace, and nfopt_add_plugin() to build it.");
  }
  const auto create = &library.get<Architecture*(char*, size_t)>(NFOPT_PLUGIN_ENTRY);
  return create_guarded(create, manifest, shown);
}

}  // namespace nfopt
