#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>

namespace nfopt {

/// Bytes at offsets, from a file or from memory. Reads outside answer false and leave `out` alone: a reader of foreign
/// files checks an offset exactly where it follows it.
class NFOPT_API ByteSource {
 public:
  virtual ~ByteSource();
  virtual uint64_t size() const = 0;
  bool read(uint64_t offset, std::span<std::byte> out) const;

 private:
  virtual bool read_inside(uint64_t offset, std::span<std::byte> out) const = 0;
};

/// A file is read piecewise: a plugin with debug information may have hundreds of megabytes. Not mapped, because a
/// file that shrinks while it is mapped kills the process.
class NFOPT_API FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const std::filesystem::path& path);
  bool open() const { return open_; }
  uint64_t size() const override { return size_; }

 private:
  bool read_inside(uint64_t offset, std::span<std::byte> out) const override;
  mutable std::ifstream file_;
  bool open_ = false;
  uint64_t size_ = 0;
};

class NFOPT_API MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }

 private:
  bool read_inside(uint64_t offset, std::span<std::byte> out) const override;
  std::span<const std::byte> bytes_;
};

}  // namespace nfopt
