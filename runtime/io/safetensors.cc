#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/safetensors.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <tuple>

namespace nfopt {
namespace {

// The format is little-endian; tensors are copied byte by byte.
static_assert(std::endian::native == std::endian::little);

using Json = nlohmann::json;

constexpr uint64_t kLongestHeader = 100'000'000;
constexpr const char* kMetadata = "__metadata__";

struct Dtype {
  const char* name;
  at::ScalarType type;
};
constexpr std::array<Dtype, 10> kDtypes = {{{"F64", at::kDouble},
                                            {"F32", at::kFloat},
                                            {"F16", at::kHalf},
                                            {"BF16", at::kBFloat16},
                                            {"I64", at::kLong},
                                            {"I32", at::kInt},
                                            {"I16", at::kShort},
                                            {"I8", at::kChar},
                                            {"U8", at::kByte},
                                            {"BOOL", at::kBool}}};

/// Where one tensor's bytes lie, offsets counted from the end of the header.
struct Entry {
  std::string name;
  at::ScalarType type = at::kDouble;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error("safetensors", "'" + path.string() + "': " + what);
}

/// The header as JSON. The parser alone would keep the last of two equal keys, so keys are watched as they come.
Json parse_header(const std::filesystem::path& path, const std::string& text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 3) fail(path, "the header is nested deeper than tensors and metadata can be.");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(path, "the header has the key '" + parsed.get<std::string>() + "' twice. Write the file again.");
    return true;
  };
  try {
    Json header = Json::parse(text, watch);
    if (!header.is_object()) fail(path, "the header is not a JSON object.");
    return header;
  } catch (const Json::exception& e) {
    fail(path, "the header is not valid JSON: " + std::string(e.what()) + ".");
  }
}

Entry parse_entry(const std::filesystem::path& path, const std::string& name, const Json& value) {
  const auto malformed = [&](const std::string& what) { fail(path, "tensor '" + name + "': " + what); };
  if (!value.is_object()) malformed("expected an object with dtype, shape and data_offsets.");
  for (const auto& [key, unused] : value.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      malformed("unknown key '" + key + "'." + known_names(key, {"dtype", "shape", "data_offsets"}));
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!value.contains(key)) malformed("'" + std::string(key) + "' is missing.");

  Entry entry;
  entry.name = name;
  if (!value["dtype"].is_string()) malformed("dtype is not a string.");
  const auto dtype_name = value["dtype"].get<std::string>();
  const auto dtype = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return dtype_name == d.name; });
  if (dtype == kDtypes.end()) {
    std::vector<std::string> known;
    for (const Dtype& d : kDtypes) known.emplace_back(d.name);
    malformed("unknown dtype '" + dtype_name + "'." + known_names(dtype_name, known));
  }
  entry.type = dtype->type;

  if (!value["shape"].is_array()) malformed("shape is not a list.");
  uint64_t bytes = c10::elementSize(entry.type);
  bool overflow = false;
  bool empty = false;
  for (const Json& size : value["shape"]) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
      malformed("shape has an entry that is not a size: " + size.dump() + ".");
    entry.shape.push_back(size.get<int64_t>());
    empty = empty || entry.shape.back() == 0;
    overflow = __builtin_mul_overflow(bytes, size.get<uint64_t>(), &bytes) || overflow;
  }
  if (overflow && !empty) malformed("its shape needs more bytes than a file can have.");
  if (empty) bytes = 0;

  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    malformed("data_offsets is not a pair of byte positions: " + offsets.dump() + ".");
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.end < entry.begin) malformed("data_offsets end before they begin: " + offsets.dump() + ".");
  if (entry.end - entry.begin != bytes)
    malformed("dtype and shape need " + std::to_string(bytes) + " bytes, data_offsets give " +
              std::to_string(entry.end - entry.begin) + ".");
  return entry;
}

std::map<std::string, std::string> parse_metadata(const std::filesystem::path& path, const Json& value) {
  if (!value.is_object()) fail(path, "'__metadata__' is not an object of strings.");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) fail(path, "metadata '" + key + "' is not a string.");
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

/// Tensors follow each other without gaps or overlaps and fill the rest of the file.
void check_coverage(const std::filesystem::path& path, const std::vector<Entry>& entries, uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != covered)
      fail(path, "tensor '" + entry.name + "' begins at byte " + std::to_string(entry.begin) + ", expected " +
                     std::to_string(covered) + ": tensors " + (entry.begin < covered ? "overlap." : "leave a gap."));
    covered = entry.end;
    if (covered > data_bytes)
      fail(path, "tensor '" + entry.name + "' ends at byte " + std::to_string(covered) + ", but only " +
                     std::to_string(data_bytes) + " bytes follow the header. The file is incomplete.");
  }
  if (covered != data_bytes)
    fail(path,
         std::to_string(data_bytes) + " bytes follow the header, its tensors cover " + std::to_string(covered) + ".");
}

const char* dtype_name(const std::filesystem::path& path, const std::string& name, const at::Tensor& tensor) {
  for (const Dtype& d : kDtypes)
    if (d.type == tensor.scalar_type()) return d.name;
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

  uint64_t header_bytes = 0;
  if (file_bytes < sizeof(header_bytes))
    fail(path, "the file has " + std::to_string(file_bytes) + " bytes; a safetensors file has at least 8.");
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof(header_bytes));
  if (header_bytes > kLongestHeader)
    fail(path, "the header is said to have " + std::to_string(header_bytes) + " bytes, at most " +
                   std::to_string(kLongestHeader) + " are allowed. This is probably not a safetensors file.");
  if (header_bytes > file_bytes - sizeof(header_bytes))
    fail(path, "the header is said to have " + std::to_string(header_bytes) + " bytes, the file has " +
                   std::to_string(file_bytes) + ". The file is incomplete.");
  std::string text(header_bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(header_bytes));
  if (!in) fail(path, "the header cannot be read.");

  SafetensorsFile file;
  std::vector<Entry> entries;
  const Json header = parse_header(path, text);
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata)
      file.metadata = parse_metadata(path, value);
    else
      entries.push_back(parse_entry(path, name, value));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  check_coverage(path, entries, file_bytes - sizeof(header_bytes) - header_bytes);

  for (const Entry& entry : entries) {
    at::Tensor tensor;
    try {
      tensor = at::empty(entry.shape, at::TensorOptions().dtype(entry.type));
    } catch (const c10::Error& e) {  // an empty tensor whose other axes overflow
      fail(path, "tensor '" + entry.name + "' cannot be made: " + std::string(e.what_without_backtrace()));
    }
    if (entry.end > entry.begin) {
      auto* bytes = static_cast<char*>(tensor.data_ptr());
      const uint64_t n = entry.end - entry.begin;
      in.read(bytes, static_cast<std::streamsize>(n));
      if (!in) fail(path, "tensor '" + entry.name + "' cannot be read.");
      if (entry.type == at::kBool && std::any_of(bytes, bytes + n, [](char b) { return b != 0 && b != 1; }))
        fail(path, "tensor '" + entry.name + "' is BOOL and has bytes other than 0 and 1.");
    }
    file.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  // An ordered object keeps the tensors in the order of `file`, for readers that go through the header.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header[kMetadata] = file.metadata;
  std::set<std::string> names;
  std::vector<at::Tensor> contiguous;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kMetadata) fail(path, "no tensor may be named '__metadata__'.");
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
  if (header_bytes > kLongestHeader) fail(path, "names and metadata need more than 100,000,000 bytes.");
  write_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes));
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const at::Tensor& tensor : contiguous)
      if (tensor.nbytes() > 0)
        out.write(static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
  });
}

}  // namespace nfopt
