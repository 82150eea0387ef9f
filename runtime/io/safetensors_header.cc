#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/safetensors_header.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace nfopt {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the format is

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& shown, const std::string& what) {
  throw Error("safetensors", shown + ": " + what);
}

/// The header as JSON. The parser alone would keep the last of two equal keys, so keys are watched as they come.
Json parse_header(const std::string& shown, const std::string& text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 3) fail(shown, "the header is nested deeper than tensors and metadata can be.");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(shown, "the header has the key '" + parsed.get<std::string>() + "' twice. Write the file again.");
    return true;
  };
  try {
    Json header = Json::parse(text, watch);
    if (!header.is_object()) fail(shown, "the header is not a JSON object.");
    return header;
  } catch (const Json::exception& e) {
    fail(shown, "the header is not valid JSON: " + std::string(e.what()) + ".");
  }
}

SafetensorsEntry parse_entry(const std::string& shown, const std::string& name, const Json& value) {
  const auto malformed = [&](const std::string& what) { fail(shown, "tensor '" + name + "': " + what); };
  if (!value.is_object()) malformed("expected an object with dtype, shape and data_offsets.");
  for (const auto& [key, unused] : value.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      malformed("unknown key '" + key + "'." + known_names(key, {"dtype", "shape", "data_offsets"}));
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!value.contains(key)) malformed("'" + std::string(key) + "' is missing.");

  SafetensorsEntry entry;
  entry.name = name;
  if (!value["dtype"].is_string()) malformed("dtype is not a string.");
  const auto dtype_name = value["dtype"].get<std::string>();
  const auto* const dtype = std::find_if(kSafetensorsDtypes.begin(), kSafetensorsDtypes.end(),
                                         [&](const SafetensorsDtype& d) { return dtype_name == d.name; });
  if (dtype == kSafetensorsDtypes.end()) {
    std::vector<std::string> known;
    for (const SafetensorsDtype& d : kSafetensorsDtypes) known.emplace_back(d.name);
    malformed("unknown dtype '" + dtype_name + "'." + known_names(dtype_name, known));
  }
  entry.dtype = static_cast<size_t>(dtype - kSafetensorsDtypes.begin());

  if (!value["shape"].is_array()) malformed("shape is not a list.");
  uint64_t bytes = dtype->bytes;
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

std::map<std::string, std::string> parse_metadata(const std::string& shown, const Json& value) {
  if (!value.is_object()) fail(shown, "'__metadata__' is not an object of strings.");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) fail(shown, "metadata '" + key + "' is not a string.");
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

/// Tensors follow each other without gaps or overlaps and fill the rest of the file.
void check_coverage(const std::string& shown, const std::vector<SafetensorsEntry>& entries, uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != covered)
      fail(shown, "tensor '" + entry.name + "' begins at byte " + std::to_string(entry.begin) + ", expected " +
                      std::to_string(covered) + ": tensors " + (entry.begin < covered ? "overlap." : "leave a gap."));
    covered = entry.end;
    if (covered > data_bytes)
      fail(shown, "tensor '" + entry.name + "' ends at byte " + std::to_string(covered) + ", but only " +
                      std::to_string(data_bytes) + " bytes follow the header. The file is incomplete.");
  }
  if (covered != data_bytes)
    fail(shown,
         std::to_string(data_bytes) + " bytes follow the header, its tensors cover " + std::to_string(covered) + ".");
}

}  // namespace

SafetensorsHeader read_safetensors_header(std::istream& in, uint64_t file_bytes, const std::string& shown) {
  uint64_t header_bytes = 0;
  if (file_bytes < sizeof(header_bytes))
    fail(shown, "the file has " + std::to_string(file_bytes) + " bytes; a safetensors file has at least 8.");
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof(header_bytes));
  if (header_bytes > kLongestSafetensorsHeader)
    fail(shown, "the header is said to have " + std::to_string(header_bytes) + " bytes, at most " +
                    std::to_string(kLongestSafetensorsHeader) +
                    " are allowed. This is probably not a safetensors file.");
  if (header_bytes > file_bytes - sizeof(header_bytes))
    fail(shown, "the header is said to have " + std::to_string(header_bytes) + " bytes, the file has " +
                    std::to_string(file_bytes) + ". The file is incomplete.");
  std::string text(header_bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(header_bytes));
  if (!in) fail(shown, "the header cannot be read.");

  SafetensorsHeader header;
  const Json json = parse_header(shown, text);
  for (const auto& [name, value] : json.items()) {
    if (name == kSafetensorsMetadata)
      header.metadata = parse_metadata(shown, value);
    else
      header.entries.push_back(parse_entry(shown, name, value));
  }
  std::sort(header.entries.begin(), header.entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_coverage(shown, header.entries, file_bytes - sizeof(header_bytes) - header_bytes);
  return header;
}

}  // namespace nfopt
