#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace nfopt {

/// Inputs [N, shape...] (real numbers, or int64 tokens) and class targets [N], for sequences [N, T] (int64).
struct NFOPT_API Examples {
  at::Tensor inputs;
  at::Tensor targets;

  int64_t size() const { return targets.defined() ? targets.size(0) : 0; }
  /// On `device`; real inputs in `dtype`, tokens stay int64.
  Examples to(at::Device device, at::ScalarType dtype) const;
  /// The first `count` examples; all of them when there are fewer.
  Examples first(int64_t count) const;
};

/// What a task is trained on and what it is judged by.
struct NFOPT_API Dataset {
  std::string name;
  Examples train;
  Examples test;
  int64_t classes = 0;
  std::vector<std::string> files;  ///< where it was read from
};

/// How pixels become inputs: x = (pixel * scale - mean) / std.
struct Scaling {
  double scale = 1.0 / 255.0;
  double mean = 0.0;
  double std = 1.0;
};

struct FashionMnistOptions {
  std::string folder = {};  ///< empty: $NFOPT_DATA/fashion-mnist, $NFOPT_DATA, /usr/share/datasets/fashion-mnist
  int64_t image_size = 0;   ///< 0: as stored (28); smaller: mean-pooled to image_size x image_size
  Scaling scaling = {};
};

/// Fashion-MNIST, or any data set in its four files (train|t10k)-(images-idx3|labels-idx1)-ubyte[.gz].
///
///   inputs  [N, image_size^2] of `dtype`, row-major pixels     targets  [N] in 0..9
///
/// Pooling is an exact area mean: 28 -> 8 gives every output pixel a window of 3.5 x 3.5 input pixels, the shared ones
/// counted half. It is computed in integers, so that the result is the same everywhere. A folder that lacks the files
/// throws Error that lists the places searched and says how to get the data; so does every damaged file, and counts
/// or sizes of images and labels that do not match.
/// Paper    Xiao, Rasul, Vollgraf, arXiv:1708.07747
NFOPT_API Dataset load_fashion_mnist(const FashionMnistOptions& options, at::ScalarType dtype);

struct ByteTextOptions {
  std::string file = {};     ///< empty: the King James Bible, $NFOPT_DATA/bible.data, /usr/lib/bible.data
  int64_t context = 64;      ///< bytes of one example
  double test_share = 0.05;  ///< of the bytes, at the end of the text
};

/// A text as a sequence of bytes, cut into excerpts of `context` bytes; the target of a byte is the next one.
///
///   inputs  [N, context] int64 in 0..255     targets  [N, context]: inputs shifted by one
///
/// Any file will do; a windowed compressed text (runtime/io/windowed_text.h) is unpacked. Throws Error that lists the
/// places searched and says how to get the data, or when either part is shorter than one excerpt.
NFOPT_API Dataset load_byte_text(const ByteTextOptions& options);

/// Where a task's data come from.
using DataOptions = std::variant<FashionMnistOptions, ByteTextOptions>;

NFOPT_API Dataset load_dataset(const DataOptions& options, at::ScalarType dtype);

}  // namespace nfopt
