#include "images.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <torch/torch.h>
#include <zlib.h>

#include <map>

namespace {

const std::map<std::string, ImageEdit>& edits() {
  static const std::map<std::string, ImageEdit> known = {
      {"dilate", [](const at::Tensor& x) { return at::max_pool2d(x.unsqueeze(1), 3, 1, 1).squeeze(1); }},
      {"brighten", [](const at::Tensor& x) { return x.sqrt(); }}};
  return known;
}

void append_number(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 255);
}

void append_chunk(std::string& png, const std::string& type, const std::string& data) {
  append_number(png, static_cast<uint32_t>(data.size()));
  const std::string body = type + data;
  png += body;
  append_number(png, static_cast<uint32_t>(
                         crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

/// Bytes [height, width], 8 bits of grey each.
std::string png(const at::Tensor& bytes) {
  const auto height = static_cast<uint32_t>(bytes.size(0)), width = static_cast<uint32_t>(bytes.size(1));
  std::string header, lines;
  append_number(header, width);
  append_number(header, height);
  header += std::string("\x08\x00\x00\x00\x00", 5);  // 8 bits, grey, deflate, no filter method, not interlaced
  for (uint32_t row = 0; row < height; ++row) {
    lines += '\0';  // no filter
    lines.append(reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()) + size_t{row} * width, width);
  }
  uLongf size = compressBound(static_cast<uLong>(lines.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(lines.data()),
            static_cast<uLong>(lines.size()), Z_BEST_COMPRESSION);
  packed.resize(size);
  std::string file("\x89PNG\r\n\x1a\n");
  append_chunk(file, "IHDR", header);
  append_chunk(file, "IDAT", packed);
  append_chunk(file, "IEND", "");
  return file;
}

}  // namespace

ImageEdit image_edit(const std::string& name) {
  const auto found = edits().find(name);
  if (found == edits().end())
    throw nfopt::Error("edit_inr", "no edit '" + name + "'." + nfopt::known_names(name, image_edit_names()));
  return found->second;
}

std::vector<std::string> image_edit_names() {
  std::vector<std::string> names;
  for (const auto& [name, edit] : edits()) names.push_back(name);
  return names;
}

void write_png_grid(const std::filesystem::path& path, const std::vector<at::Tensor>& rows) {
  constexpr int64_t kGap = 4;
  const int64_t size = rows.front().size(1), columns = rows.front().size(0), cell = size + kGap;
  const at::Tensor picture =
      at::ones({static_cast<int64_t>(rows.size()) * cell + kGap, columns * cell + kGap}, at::kFloat);
  for (size_t row = 0; row < rows.size(); ++row)
    for (int64_t column = 0; column < columns; ++column)
      picture.narrow(0, kGap + static_cast<int64_t>(row) * cell, size)
          .narrow(1, kGap + column * cell, size)
          .copy_(rows[row][column].clamp(0, 1));
  nfopt::write_atomically(path, png(picture.mul(255).round().to(at::kByte).contiguous()));
}
