#pragma once

#include <nfopt/nflayers/spec/version.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Bumped by hand whenever a header that plugins compile against changes in a way that a recompiled host cannot bridge:
/// a virtual function, a field of Option or TensorDescription, this struct.
#define NFOPT_PLUGIN_ABI 2u

#define NFOPT_MANIFEST_MAGIC 0x504f464eu  ///< "NFOP" in a little-endian file
#define NFOPT_MANIFEST_SECTION ".nfopt_plugin"

#ifndef NFOPT_BUILD_TYPE
#define NFOPT_BUILD_TYPE ""  // nfopt_add_plugin() passes the configuration
#endif

/// What a plugin says about itself. The host reads these bytes from the file, before it loads or calls anything:
/// plain arrays only, because a pointer in a file that is not loaded points nowhere.
struct nfopt_manifest {
  uint32_t magic;           ///< NFOPT_MANIFEST_MAGIC. Any other value: not a plugin of ours.
  uint32_t struct_size;     ///< sizeof(nfopt_manifest) in the author's build, in bytes.
  uint32_t plugin_abi;      ///< NFOPT_PLUGIN_ABI. Must equal the host's, like the next three.
  uint32_t compiler_major;  ///< e.g. 12.
  uint32_t cxx_standard;    ///< __cplusplus, e.g. 202002.
  uint32_t libstdcxx_abi;   ///< _GLIBCXX_USE_CXX11_ABI, 0 or 1.
  uint32_t uses_torch;      ///< 1: `libtorch` must equal the host's, too.
  char compiler[20];        ///< e.g. "g++".
  char libtorch[16];        ///< e.g. "2.11.0"; "" without torch.
  char nfopt[16];           ///< e.g. "0.3.1". Reported, never compared.
  char build_type[16];      ///< e.g. "Release". Reported, never compared.
  char id[32];              ///< Mandatory, e.g. "gru". Characters [a-z0-9_]; unique in a process.
  char version[16];         ///< Mandatory, e.g. "1.2.0".
  char author[64];          ///< Optional, e.g. "Ada Example <ada@example.org>". "" when absent.
  char url[64];             ///< Optional, e.g. "https://example.org/gru".
};
static_assert(sizeof(nfopt_manifest) == 272, "the manifest's layout is part of the plugin ABI");

namespace nfopt {

/// What an author states in NFOPT_PLUGIN; everything else in the manifest comes from the compiler and the headers.
struct PluginFacts {
  std::string_view id;
  std::string_view version;
  std::string_view author = "";
  std::string_view url = "";
};

/// The LibTorch version that an architecture class was compiled against, "" when its kind does not know LibTorch.
/// runtime/network/network.h specialises it for trainable architectures, so that no author can forget to say so.
template <class A>
struct LibTorchOf {
  static constexpr std::string_view version = "";
};

namespace detail {

template <size_t N>
constexpr void put(char (&field)[N], std::string_view text) {
  if (text.size() >= N) throw "NFOPT_PLUGIN: a text is longer than its field in nfopt_manifest";
  for (size_t i = 0; i < text.size(); ++i) field[i] = text[i];
}

constexpr bool is_id(std::string_view id) {
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return !id.empty();
}

}  // namespace detail

/// The manifest of a plugin compiled here and now. Evaluated at compile time in NFOPT_PLUGIN: a malformed id or a text
/// that does not fit is a compile error whose message is the thrown literal.
constexpr nfopt_manifest make_manifest(const PluginFacts& facts, std::string_view libtorch) {
  if (!detail::is_id(facts.id)) throw "NFOPT_PLUGIN: .id must be given, with characters [a-z0-9_] only";
  if (facts.version.empty()) throw "NFOPT_PLUGIN: .version must be given, e.g. \"1.0.0\"";
  nfopt_manifest manifest{};
  manifest.magic = NFOPT_MANIFEST_MAGIC;
  manifest.struct_size = sizeof(nfopt_manifest);
  manifest.plugin_abi = NFOPT_PLUGIN_ABI;
#if defined(__clang__)
  manifest.compiler_major = __clang_major__;
  detail::put(manifest.compiler, "clang++");
#elif defined(__GNUC__)
  manifest.compiler_major = __GNUC__;
  detail::put(manifest.compiler, "g++");
#endif
  manifest.cxx_standard = static_cast<uint32_t>(__cplusplus);
#if defined(_GLIBCXX_USE_CXX11_ABI)
  manifest.libstdcxx_abi = _GLIBCXX_USE_CXX11_ABI;
#endif
  manifest.uses_torch = libtorch.empty() ? 0 : 1;
  detail::put(manifest.libtorch, libtorch);
  detail::put(manifest.nfopt, NFOPT_VERSION);
  detail::put(manifest.build_type, NFOPT_BUILD_TYPE);
  detail::put(manifest.id, facts.id);
  detail::put(manifest.version, facts.version);
  detail::put(manifest.author, facts.author);
  detail::put(manifest.url, facts.url);
  return manifest;
}

}  // namespace nfopt
