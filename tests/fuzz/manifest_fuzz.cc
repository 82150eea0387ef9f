// The manifest of a plugin, read from the bytes of an ELF file. Input: the file.

#include <nfopt/runtime/plugin/manifest_reader.h>
#include <tests/fuzz/fuzz.h>

#include <span>

namespace nfopt {

void fuzz(std::string_view input) {
  const MemoryBytes file(std::as_bytes(std::span(input)));
  const auto manifest = answer([&] { return read_manifest(file, "'fuzz.nfopt.so'"); });
  if (manifest) require(detail::is_id(manifest->id), "a manifest that was accepted has an id");
}

}  // namespace nfopt
