// The header of a safetensors file. Input: a file. Headers that were accepted must cover the file exactly.

#include <nfopt/runtime/io/safetensors_header.h>
#include <tests/fuzz/fuzz.h>

#include <sstream>
#include <string>

namespace nfopt {

void fuzz(std::string_view input) {
  std::istringstream in{std::string(input)};
  const auto header = answer([&] { return read_safetensors_header(in, input.size(), "'fuzz.safetensors'"); });
  if (!header) return;
  auto at = static_cast<uint64_t>(in.tellg());
  for (const SafetensorsEntry& entry : header->entries) {
    uint64_t bytes = kSafetensorsDtypes.at(entry.dtype).bytes;
    for (const int64_t size : entry.shape) bytes *= static_cast<uint64_t>(size);
    require(entry.end - entry.begin == bytes, "an entry has the bytes that its shape needs");
    at += bytes;
  }
  require(at == input.size(), "the tensors cover the file");
}

}  // namespace nfopt
