#pragma once

#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/manifest.h>

#include <cstddef>
#include <cstring>
#include <exception>

namespace nfopt {

/// The one function a plugin exports. Returns a new architecture, or null with a text in `error` (cut to `size` bytes,
/// always terminated): an exception never leaves the plugin.
using CreateArchitecture = Architecture* (*)(char* error, size_t size);
#define NFOPT_PLUGIN_ENTRY "nfopt_plugin_create"

template <class A>
Architecture* create_architecture(char* error, size_t size) noexcept {
  const auto copy = [&](const char* text) {
    if (size == 0) return;
    std::strncpy(error, text, size - 1);
    error[size - 1] = '\0';
  };
  try {
    return new A();
  } catch (const std::exception& exception) {
    copy(exception.what());
  } catch (...) {
    copy("an exception that is not a std::exception");
  }
  return nullptr;
}

/// A plugin that is linked into the program instead of loaded: a constant of this type puts it into the global
/// registry before main, through the same checks. NFOPT_PLUGIN makes one when NFOPT_STATIC_PLUGIN is defined.
class NFOPT_API StaticPlugin {
 public:
  StaticPlugin(const nfopt_manifest& manifest, CreateArchitecture create, const char* source) noexcept;
};

}  // namespace nfopt

/// Makes a shared library a plugin. Once per library, outside of any unnamed namespace:
///
///   NFOPT_PLUGIN(Gru, .id = "gru", .version = "1.2.0", .author = "Ada Example", .url = "https://example.org/gru");
///
/// `.id` must equal `info().name`: the host reads it from the file without running any code, and compares after
/// loading. If the compiler stops here with "call to non-constexpr ... throw", the thrown literal is the advice.
#ifdef NFOPT_STATIC_PLUGIN
#define NFOPT_PLUGIN(Class, ...)                                                                      \
  static const ::nfopt::StaticPlugin nfopt_static_plugin(                                             \
      ::nfopt::make_manifest(::nfopt::PluginFacts{__VA_ARGS__}, ::nfopt::LibTorchOf<Class>::version), \
      &::nfopt::create_architecture<Class>, __FILE__)
#else
#define NFOPT_PLUGIN(Class, ...)                                                                          \
  extern "C" {                                                                                            \
  __attribute__((used, section(NFOPT_MANIFEST_SECTION))) constexpr nfopt_manifest nfopt_plugin_manifest = \
      ::nfopt::make_manifest(::nfopt::PluginFacts{__VA_ARGS__}, ::nfopt::LibTorchOf<Class>::version);     \
  NFOPT_API ::nfopt::Architecture* nfopt_plugin_create(char* error, size_t size) {                        \
    return ::nfopt::create_architecture<Class>(error, size);                                              \
  }                                                                                                       \
  }                                                                                                       \
  static_assert(true, "NFOPT_PLUGIN ends with a semicolon")
#endif
