#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/io/safetensors_header.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

namespace nfopt {
namespace {

// The type of each of kSafetensorsDtypes.
constexpr std::array<at::ScalarType, kSafetensorsDtypes.size()> kTypes = {
    at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong,
    at::kInt,    at::kShort, at::kChar, at::kByte,     at::kBool};

std::string shown(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error("safetensors", shown(path) + ": " + what);
}

const char* dtype_name(const std::filesystem::path& path, const std::string& name, const at::Tensor& tensor) {
  for (size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i] == tensor.scalar_type()) return kSafetensorsDtypes[i].name;
  fail(path, "tensor '" + name + "' has the type " + std::string(c10::toString(tensor.scalar_type())) +
                 ", which the format cannot hold. Known: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL.");
}

}  // namespace

const at::Tensor* SafetensorsFile::find(const std::string& name) const {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  std::error_code error;
  const uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (error) fail(path, "cannot be read: " + error.message() + ".");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path, "cannot be read: " + std::generic_category().message(errno) + ".");

  const SafetensorsHeader header = read_safetensors_header(in, file_bytes, shown(path));
  SafetensorsFile file;
  file.metadata = header.metadata;
  for (const SafetensorsEntry& entry : header.entries) {
    const at::ScalarType type = kTypes[entry.dtype];
    at::Tensor tensor;
    try {
      tensor = at::empty(entry.shape, at::TensorOptions().dtype(type));
    } catch (const c10::Error& e) {  // an empty tensor whose other axes overflow
      fail(path, "tensor '" + entry.name + "' cannot be made: " + std::string(e.what_without_backtrace()));
    }
    if (entry.end > entry.begin) {
      auto* bytes = static_cast<char*>(tensor.data_ptr());
      const uint64_t n = entry.end - entry.begin;
      in.read(bytes, static_cast<std::streamsize>(n));
      if (!in) fail(path, "tensor '" + entry.name + "' cannot be read.");
      if (type == at::kBool && std::any_of(bytes, bytes + n, [](char b) { return b != 0 && b != 1; }))
        fail(path, "tensor '" + entry.name + "' is BOOL and has bytes other than 0 and 1.");
    }
    file.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  // An ordered object keeps the tensors in the order of `file`, for readers that go through the header.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header[kSafetensorsMetadata] = file.metadata;
  std::set<std::string> names;
  std::vector<at::Tensor> contiguous;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kSafetensorsMetadata) fail(path, "no tensor may be named '__metadata__'.");
    if (!names.insert(name).second) fail(path, "two tensors are named '" + name + "'.");
    if (!tensor.defined()) fail(path, "tensor '" + name + "' is undefined.");
    contiguous.push_back(tensor.detach().to(at::kCPU).contiguous());
    const uint64_t bytes = contiguous.back().nbytes();
    header.push_back({name,
                      {{"dtype", dtype_name(path, name, tensor)},
                       {"shape", tensor.sizes().vec()},
                       {"data_offsets", {offset, offset + bytes}}}});
    offset += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    fail(path, "a name or metadata text is not UTF-8: " + std::string(e.what()) + ".");
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // data begin at a multiple of 8 bytes
  const uint64_t header_bytes = text.size();
  if (header_bytes > kLongestSafetensorsHeader) fail(path, "names and metadata need more than 100,000,000 bytes.");
  write_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes));
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const at::Tensor& tensor : contiguous)
      if (tensor.nbytes() > 0)
        out.write(static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
  });
}

}  // namespace nfopt
