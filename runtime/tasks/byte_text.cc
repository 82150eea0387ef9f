#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/windowed_text.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <torch/types.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytes = 256;

fs::path locate(const ByteTextOptions& options) {
  if (!options.file.empty()) return options.file;
  std::vector<fs::path> places;
  if (const char* data = std::getenv("NFOPT_DATA"); data != nullptr && *data != '\0') {
    places.push_back(fs::path(data) / "bible.data");
  }
  places.emplace_back("/usr/lib/bible.data");
  std::string searched;
  std::error_code code;
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place, code)) return place;
    searched += "\n  searched " + place.string();
  }
  throw Error("data", "The King James Bible was not found." + searched +
                          "\n  On Debian: apt-get install bible-kjv-text. Elsewhere: name any text file in data.file.");
}

// Excerpts without overlap; both tensors are views of one text.
Examples excerpts(const at::Tensor& text, int64_t context) {
  const int64_t count = (text.size(0) - 1) / context;
  return {text.narrow(0, 0, count * context).view({count, context}),
          text.narrow(0, 1, count * context).view({count, context})};
}

}  // namespace

Dataset load_byte_text(const ByteTextOptions& options) {
  const fs::path file = locate(options);
  const std::string text = read_text(file);
  const auto size = static_cast<int64_t>(text.size());
  const auto test = static_cast<int64_t>(std::ceil(static_cast<double>(size) * options.test_share));
  if (test <= options.context || size - test <= options.context) {
    throw Error("data", "'" + file.string() + "' holds " + std::to_string(size) + " bytes, of which " +
                            std::to_string(test) + " are for testing: both parts need more than context = " +
                            std::to_string(options.context) + ". Choose a longer text or a shorter context.");
  }
  at::Tensor bytes = at::empty({size}, at::kLong);
  auto* values = bytes.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < size; ++i) values[i] = static_cast<uint8_t>(text[static_cast<size_t>(i)]);

  Dataset data;
  data.name = "byte_text";
  data.classes = kBytes;
  data.train = excerpts(bytes.narrow(0, 0, size - test), options.context);
  data.test = excerpts(bytes.narrow(0, size - test, test), options.context);
  data.files = {file.string()};
  return data;
}

}  // namespace nfopt
