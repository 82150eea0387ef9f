#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/idx_file.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/tasks/pooling.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

namespace nfopt {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kClasses = 10;
constexpr std::array kFiles = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                               "t10k-labels-idx1-ubyte"};

std::vector<fs::path> places(const FashionMnistOptions& options) {
  if (!options.folder.empty()) return {options.folder};
  std::vector<fs::path> places;
  if (const char* data = std::getenv("NFOPT_DATA"); data != nullptr && *data != '\0') {
    places.push_back(fs::path(data) / "fashion-mnist");
    places.emplace_back(data);
  }
  places.emplace_back("/usr/share/datasets/fashion-mnist");
  return places;
}

// The compressed name or the plain one; empty when neither is there.
fs::path find_in(const fs::path& folder, const std::string& name) {
  std::error_code code;
  for (const std::string& candidate : {name + ".gz", name})
    if (fs::is_regular_file(folder / candidate, code)) return folder / candidate;
  return {};
}

std::array<fs::path, 4> locate(const FashionMnistOptions& options) {
  std::string searched;
  for (const fs::path& folder : places(options)) {
    std::array<fs::path, 4> found;
    std::string missing;
    for (size_t i = 0; i < kFiles.size(); ++i) {
      found[i] = find_in(folder, kFiles[i]);
      if (found[i].empty()) missing += (missing.empty() ? "" : ", ") + std::string(kFiles[i]) + ".gz";
    }
    if (missing.empty()) return found;
    searched += "\n  searched " + folder.string() + ": no " + missing;
  }
  throw Error("data", "Fashion-MNIST was not found." + searched +
                          "\n  On Debian: apt-get install dataset-fashion-mnist. Elsewhere: put the four files of "
                          "https://github.com/zalandoresearch/fashion-mnist in a folder and name it in data.folder or "
                          "NFOPT_DATA.");
}

// Scaled in float64 and rounded to `dtype` once, some thousand images at a time: a float64 copy of all of them would
// be the largest thing in memory.
at::Tensor to_inputs(const IdxFile& images, const FashionMnistOptions& options, at::ScalarType dtype) {
  constexpr int64_t kChunk = 4096;
  const int64_t count = images.shape[0];
  const int64_t pixels = images.shape[1] * images.shape[2];
  const int64_t size = options.image_size;
  at::Tensor inputs = at::empty({count, size == 0 ? pixels : size * size}, dtype);
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t end = std::min(count, begin + kChunk);
    const std::vector<uint8_t> chunk(images.values.begin() + begin * pixels, images.values.begin() + end * pixels);
    const at::Tensor raw =
        size == 0 ? at::tensor(chunk, at::kByte).to(at::kDouble)
                  : at::tensor(pool_area_mean(chunk, end - begin, images.shape[1], images.shape[2], size), at::kDouble);
    const Scaling& s = options.scaling;
    inputs.narrow(0, begin, end - begin).copy_(raw.mul(s.scale).sub(s.mean).div(s.std).view({end - begin, -1}));
  }
  return inputs;
}

Examples load(const fs::path& image_file, const fs::path& label_file, const FashionMnistOptions& options,
              at::ScalarType dtype) {
  const IdxFile images = read_idx(image_file, 3);
  const IdxFile labels = read_idx(label_file, 1);
  const int64_t count = images.shape[0];
  const int64_t height = images.shape[1];
  const int64_t width = images.shape[2];
  if (labels.shape[0] != count)
    throw Error("data", "'" + image_file.string() + "' holds " + std::to_string(count) + " images, '" +
                            label_file.string() + "' " + std::to_string(labels.shape[0]) + " labels.");
  if (count == 0 || height == 0 || width == 0) throw Error("data", "'" + image_file.string() + "' holds no images.");
  const auto worst = std::max_element(labels.values.begin(), labels.values.end());
  if (*worst >= kClasses)
    throw Error("data", "'" + label_file.string() + "': label " + std::to_string(worst - labels.values.begin()) +
                            " is " + std::to_string(*worst) + ", expected 0 to 9.");
  if (options.image_size > std::min(height, width))
    throw Error("data", "image_size " + std::to_string(options.image_size) + " is larger than the images of '" +
                            image_file.string() + "' (" + std::to_string(height) + " x " + std::to_string(width) +
                            ").");

  const std::vector<int64_t> targets(labels.values.begin(), labels.values.end());
  return {to_inputs(images, options, dtype), at::tensor(targets, at::kLong)};
}

}  // namespace

Dataset load_fashion_mnist(const FashionMnistOptions& options, at::ScalarType dtype) {
  const std::array<fs::path, 4> files = locate(options);
  Dataset data;
  data.name = "fashion_mnist";
  data.classes = kClasses;
  data.train = load(files[0], files[1], options, dtype);
  data.test = load(files[2], files[3], options, dtype);
  if (data.train.inputs.size(1) != data.test.inputs.size(1))
    throw Error("data", "'" + files[0].string() + "' and '" + files[2].string() + "' hold images of different sizes.");
  for (const fs::path& file : files) data.files.push_back(file.string());
  return data;
}

}  // namespace nfopt
