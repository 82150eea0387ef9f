#include <elf.h>
#include <nfopt/runtime/plugin/elf_section.h>
#include <nfopt/runtime/plugin/plugin_error.h>

#include <algorithm>
#include <cstring>

namespace nfopt {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "plugins are read on x86_64 and aarch64 only: add this machine's ELF number here"
#endif

using Reason = PluginError::Reason;

template <class T>
bool read_struct(const ByteSource& file, uint64_t offset, T& out) {
  return file.read(offset, std::as_writable_bytes(std::span(&out, 1)));
}

[[noreturn]] void truncated(const std::string& shown, const char* what) {
  throw PluginError(Reason::truncated,
                    shown + " is truncated: its " + what + " lies outside the file. Copy or build it again.");
}

void check_header(const Elf64_Ehdr& header, const std::string& shown) {
  const auto reject = [&](const std::string& why) {
    throw PluginError(Reason::not_elf, shown + " cannot be loaded here: " + why + ". Build it for this machine.");
  };
  if (header.e_ident[EI_CLASS] != ELFCLASS64) reject("expected a 64-bit ELF file, received another class");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) reject("expected a little-endian ELF file, received another byte order");
  if (header.e_type != ET_DYN) reject("expected a shared library, received ELF type " + std::to_string(header.e_type));
  if (header.e_machine != kMachine) {
    reject("expected ELF machine " + std::to_string(kMachine) + ", received " + std::to_string(header.e_machine));
  }
}

// True when the zero-terminated text at `offset` of the string table is `name`. A name that runs out of the table is
// not ours.
bool has_name(const ByteSource& file, const Elf64_Shdr& strings, uint32_t offset, std::string_view name) {
  if (offset >= strings.sh_size || strings.sh_size - offset < name.size() + 1) return false;
  if (strings.sh_offset > file.size()) return false;
  std::string text(name.size() + 1, '?');
  if (!file.read(strings.sh_offset + offset, std::as_writable_bytes(std::span(text)))) return false;
  return std::string_view(text.data(), name.size()) == name && text.back() == '\0';
}

}  // namespace

std::optional<std::vector<std::byte>> read_elf_section(const ByteSource& file, std::string_view section, size_t limit,
                                                       const std::string& shown) {
  if (file.size() == 0)
    throw PluginError(Reason::empty, shown + " is empty: expected a shared library. Copy or build it again.");
  Elf64_Ehdr header{};
  const size_t readable = std::min<uint64_t>(file.size(), sizeof header);
  file.read(0, std::as_writable_bytes(std::span(&header, 1)).first(readable));
  if (readable < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    throw PluginError(Reason::not_elf,
                      shown + " is not a plugin: expected an ELF shared library, received another kind of file.");
  }
  if (readable < sizeof header) truncated(shown, "header");
  check_header(header, shown);

  if (header.e_shnum == 0) return std::nullopt;  // stripped of its section table, or a count that no plugin reaches
  const uint64_t table_size = uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > file.size() ||
      table_size > file.size() - header.e_shoff) {
    truncated(shown, "section table");
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!file.read(header.e_shoff, std::as_writable_bytes(std::span(sections)))) truncated(shown, "section table");
  if (header.e_shstrndx >= sections.size()) truncated(shown, "table of section names");
  const Elf64_Shdr& strings = sections[header.e_shstrndx];

  for (const auto& candidate : sections) {
    if (candidate.sh_type == SHT_NOBITS || !has_name(file, strings, candidate.sh_name, section)) continue;
    std::vector<std::byte> bytes(std::min<uint64_t>(candidate.sh_size, limit));
    if (!file.read(candidate.sh_offset, bytes)) truncated(shown, "manifest");
    return bytes;
  }
  return std::nullopt;
}

}  // namespace nfopt
