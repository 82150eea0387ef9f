// The axis language and the weight spaces made from it. Input: one tensor per line, "3 4 5 [h, ~in, *]".

#include <nfopt/nflayers/spec/axis_parser.h>
#include <nfopt/nflayers/spec/summary.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <tests/fuzz/fuzz.h>

#include <algorithm>
#include <charconv>

namespace nfopt {
namespace {

TensorDescription tensor_of(std::string_view line, size_t number) {
  TensorDescription tensor;
  tensor.name = "t" + std::to_string(number);
  for (int64_t size = 0;;) {
    while (line.starts_with(' ')) line.remove_prefix(1);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size);
    if (error != std::errc()) break;
    tensor.shape.push_back(size);
    line.remove_prefix(static_cast<size_t>(end - line.data()));
  }
  tensor.axes = line;
  return tensor;
}

void expression_round_trip(const std::string& axes) {
  answer([&] { return parse_axis_factor(axes); });
  const auto expression = answer([&] { return parse_axes(axes); });
  if (!expression) return;
  const std::string text = to_text(*expression);
  require(to_text(parse_axes(text)) == text, "the canonical text of an expression parses to the same expression");
}

}  // namespace

void fuzz(std::string_view input) {
  std::vector<TensorDescription> tensors;
  for (size_t begin = 0; begin <= input.size();) {
    const size_t end = std::min(input.find('\n', begin), input.size());
    if (end > begin) tensors.push_back(tensor_of(input.substr(begin, end - begin), tensors.size()));
    begin = end + 1;
  }
  for (const TensorDescription& tensor : tensors) expression_round_trip(tensor.axes);
  const auto space = answer([&] { return WeightSpace(tensors); });
  if (!space) return;
  require(!summary(*space).empty(), "a weight space has a summary");
  const std::string text = to_text(*space);
  require(to_text(weight_space_from_text(text)) == text, "a weight space comes back from its text");
}

}  // namespace nfopt
