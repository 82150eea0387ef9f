#include <nfopt/runtime/plugin/byte_source.h>

#include <cstring>

namespace nfopt {

ByteSource::~ByteSource() = default;

bool ByteSource::read(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size() || out.size() > size() - offset) return false;  // written so that no sum can overflow
  return out.empty() || read_inside(offset, out);
}

FileBytes::FileBytes(const std::filesystem::path& path) : file_(path, std::ios::binary | std::ios::ate) {
  if (!file_) return;
  const auto end = file_.tellg();
  if (end < 0) return;
  size_ = static_cast<uint64_t>(end);
  open_ = true;
}

bool FileBytes::read_inside(uint64_t offset, std::span<std::byte> out) const {
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(offset));
  file_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  return file_.good();
}

bool MemoryBytes::read_inside(uint64_t offset, std::span<std::byte> out) const {
  std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return true;
}

}  // namespace nfopt
