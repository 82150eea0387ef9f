#include <nfopt/runtime/plugin/elf_section.h>
#include <nfopt/runtime/plugin/manifest_reader.h>
#include <nfopt/runtime/plugin/plugin_error.h>

#include <cstring>
#include <system_error>

namespace nfopt {
namespace {

using Reason = PluginError::Reason;

// Terminated inside its array and printable: a message must never run past the struct, nor write to a terminal what a
// hostile file asked for.
template <size_t N>
bool is_text(const char (&field)[N]) {
  const void* end = std::memchr(field, '\0', N);
  if (!end) return false;
  for (const char* c = field; c != end; ++c) {
    if (static_cast<unsigned char>(*c) < 0x20 || static_cast<unsigned char>(*c) == 0x7f) return false;
  }
  return true;
}

std::string bad_fields(const nfopt_manifest& manifest) {
  std::string bad;
  const auto check = [&](bool good, const char* name) {
    if (!good) bad += (bad.empty() ? "" : ", ") + std::string(name);
  };
  check(is_text(manifest.compiler), "compiler");
  check(is_text(manifest.libtorch), "libtorch");
  check(is_text(manifest.nfopt), "nfopt");
  check(is_text(manifest.build_type), "build_type");
  check(is_text(manifest.id) && detail::is_id(manifest.id), "id");
  check(is_text(manifest.version) && manifest.version[0] != '\0', "version");
  check(is_text(manifest.author), "author");
  check(is_text(manifest.url), "url");
  check(manifest.uses_torch <= 1, "uses_torch");
  return bad;
}

}  // namespace

nfopt_manifest read_manifest(const ByteSource& file, const std::string& shown) {
  const auto bytes = read_elf_section(file, NFOPT_MANIFEST_SECTION, sizeof(nfopt_manifest), shown);
  if (!bytes) {
    throw PluginError(Reason::no_manifest,
                      shown + " is a shared library, but not a plugin of nfopt: it has no section '" +
                          NFOPT_MANIFEST_SECTION + "'. Put NFOPT_PLUGIN(...) into one of its sources.");
  }
  nfopt_manifest manifest{};
  if (!bytes->empty()) std::memcpy(&manifest, bytes->data(), bytes->size());
  constexpr size_t kHead = 3 * sizeof(uint32_t);  // magic, size, ABI: never moved, in any version
  if (bytes->size() < kHead || manifest.magic != NFOPT_MANIFEST_MAGIC) {
    throw PluginError(Reason::bad_manifest, shown + " is not a plugin of nfopt: its section '" +
                                                NFOPT_MANIFEST_SECTION + "' does not start with a manifest.");
  }
  if (manifest.struct_size != sizeof(nfopt_manifest) || bytes->size() != sizeof(nfopt_manifest)) {
    throw PluginError(Reason::incompatible,
                      shown + " was built for another nfopt: its manifest has " + std::to_string(manifest.struct_size) +
                          " bytes and plugin ABI " + std::to_string(manifest.plugin_abi) + ", expected " +
                          std::to_string(sizeof(nfopt_manifest)) + " bytes and ABI " +
                          std::to_string(NFOPT_PLUGIN_ABI) + ". Rebuild it against this installation.");
  }
  if (const std::string bad = bad_fields(manifest); !bad.empty()) {
    throw PluginError(Reason::bad_manifest,
                      shown + " has a damaged manifest: malformed " + bad + ". Copy or build it again.");
  }
  return manifest;
}

nfopt_manifest read_manifest(const std::filesystem::path& file) {
  const std::string shown = "'" + file.string() + "'";
  std::error_code problem;
  const auto status = std::filesystem::status(file, problem);
  if (!std::filesystem::exists(status)) throw PluginError(Reason::missing, shown + " does not exist. Check the path.");
  if (std::filesystem::is_directory(status)) {
    throw PluginError(Reason::directory, shown +
                                             " is a directory: expected a plugin file (*.nfopt.so). "
                                             "To search a directory, list it in NFOPT_PLUGIN_PATH.");
  }
  // A pipe or a device could block the reader for ever.
  if (!std::filesystem::is_regular_file(status)) {
    throw PluginError(Reason::unreadable, shown + " is not a regular file: expected a plugin file (*.nfopt.so).");
  }
  const FileBytes bytes(file);
  if (!bytes.open()) throw PluginError(Reason::unreadable, shown + " cannot be read. Check its permissions.");
  return read_manifest(bytes, shown);
}

}  // namespace nfopt
