#pragma once

#include <nfopt/nflayers/spec/error.h>

#include <cstdint>

namespace nfopt {

/// Why a plugin cannot be used. Every reason has a message of its own, because each has another remedy.
class NFOPT_API PluginError : public Error {
 public:
  enum class Reason : uint8_t {
    missing,            ///< no such file
    directory,          ///< the path is a folder
    unreadable,         ///< permissions, I/O error
    empty,              ///< a file of 0 bytes
    not_elf,            ///< a text, an archive, another machine's library
    truncated,          ///< an ELF file that ends before its own tables
    no_manifest,        ///< a shared library, but not one of ours
    bad_manifest,       ///< the section exists and its bytes make no sense
    incompatible,       ///< built for another nfopt: ABI, compiler, C++ standard, libstdc++, LibTorch
    unresolved_symbol,  ///< the dynamic linker refused it
    no_entry,           ///< the manifest is there, the exported function is not
    throws,             ///< its constructor or info() threw
    id_mismatch,        ///< manifest and info() disagree
    duplicate_id,       ///< two plugins with one id
    unknown_name        ///< no plugin of that name
  };

  PluginError(Reason reason, const std::string& message) : Error("plugins", message), reason_(reason) {}
  Reason reason() const { return reason_; }

 private:
  Reason reason_;
};

}  // namespace nfopt
