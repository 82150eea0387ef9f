#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/append_file.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nfopt {

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), and TensorFlow's masking of it:
///
///   masked = rotate_right(crc, 15) + 0xa282ead8     so that a checksum of data that hold checksums stays useful
NFOPT_API uint32_t crc32c(std::string_view bytes);
NFOPT_API uint32_t masked_crc32c(std::string_view bytes);

/// One TFRecord: length (8 bytes, little endian), masked crc of these 8 bytes, the bytes, masked crc of the bytes.
NFOPT_API std::string tf_record(std::string_view bytes);

/// A file of scalars for TensorBoard: `events.out.tfevents.<seconds>.<count>.<first step>.nfopt`, TFRecords of the protocol
/// buffers Event and Summary, which are written by hand here (nine fields; no dependency).
///
/// A resumed run writes a file of its own whose first event says at which step it starts: TensorBoard then drops what
/// earlier files hold from that step on, so that steps a killed run had done after its last checkpoint appear once.
/// Source   tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, lib/io/record_writer.cc
class NFOPT_API TensorBoardEvents {
 public:
  /// Begins a new file in `folder`. `first_step`: the first step this process writes, for a run that continues earlier
  /// files. Throws Error when the file cannot be made or written, here and below.
  explicit TensorBoardEvents(const std::filesystem::path& folder, std::optional<int64_t> first_step = {});

  /// One event with all scalars of a step, under tags such as "train/loss". TensorBoard keeps single precision.
  void write(int64_t step, const std::vector<std::pair<std::string, double>>& scalars);
  void sync() { file_.sync(); }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

}  // namespace nfopt
