#include <nfopt/nflayers/spec/axis_expression.h>
#include <nfopt/nflayers/spec/description_words.h>
#include <nfopt/nflayers/spec/summary.h>
#include <nfopt/nflayers/spec/table.h>

#include <set>

namespace nfopt {
namespace {

std::string join(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> lengths;
  for (const int64_t length : shape) lengths.push_back(std::to_string(length));
  return lengths.empty() ? "scalar" : join(lengths, " x ");
}

std::string notes(const TensorDescription& tensor, const Source& source) {
  std::vector<std::string> notes;
  if (tensor.stack) notes.push_back(std::to_string(source.tensors.size()) + " tensors " + tensor.stack->of);
  if (!tensor.tied.empty()) notes.push_back("tied: " + join(tensor.tied, ", "));
  return join(notes, "; ");
}

std::string tensor_table(const WeightSpace& space) {
  std::vector<std::vector<std::string>> rows{{"tensor", "shape", "kind", "role", "block", "slots", "axes", ""}};
  for (size_t s = 0; s < space.sources().size(); ++s) {
    const Source& source = space.sources()[s];
    const TensorDescription& written = space.descriptions()[s];
    const Tensor& tensor = space.tensors()[static_cast<size_t>(source.tensors.front())];
    std::string slots;
    for (const Slot slot : tensor.slots) slots += to_word(slot);
    std::vector<std::string> axes{written.axes};
    if (!written.views.empty()) axes.clear();
    for (const auto& slice : written.views)
      axes.push_back(std::to_string(slice.axis) + "[" + std::to_string(slice.start) + ":" + std::to_string(slice.stop) +
                     "] " + slice.axes);
    std::string text = join(axes, ", ");
    if (written.stack) text = written.stack->over + " x " + text;
    rows.push_back({written.name, shape_text(source.shape), to_word(tensor.kind), to_word(tensor.role),
                    tensor.block == written.name ? "" : tensor.block, slots, text, notes(written, source)});
  }
  return aligned(rows, "  ");
}

std::string label_table(const WeightSpace& space) {
  std::vector<std::vector<std::string>> rows{{"label", "size", "nested in", "axes", "first in"}};
  for (size_t l = 0; l < space.labels().size(); ++l) {
    const Label& label = space.labels()[l];
    if (label.name.empty()) continue;  // private to one factor: the axes show it
    std::set<std::pair<int, int>> axes;
    std::string first;
    for (const auto& view : space.views())
      for (const auto& factor : view.factors)
        if (factor.label == static_cast<int>(l)) {
          axes.emplace(view.source, factor.axis);
          if (first.empty()) first = view.name;
        }
    const std::string parent = label.parent < 0 ? "" : space.labels()[static_cast<size_t>(label.parent)].name;
    rows.push_back(
        {sigil(label.type) + label.name, std::to_string(label.size), parent, std::to_string(axes.size()), first});
  }
  return rows.size() == 1 ? "" : "\n" + aligned(rows, "  ");
}

}  // namespace

std::string summary(const WeightSpace& space) {
  size_t parameters = 0;
  for (const auto& tensor : space.tensors()) parameters += tensor.kind == Kind::parameter;
  const size_t buffers = space.tensors().size() - parameters;
  std::string totals =
      std::to_string(parameters) + " parameters with " + std::to_string(space.parameter_count()) + " entries";
  if (buffers) totals += ", " + std::to_string(buffers) + " buffers";
  if (space.views().size() != space.sources().size()) totals += ", " + std::to_string(space.views().size()) + " views";
  return totals + "\n\n" + tensor_table(space) + label_table(space);
}

}  // namespace nfopt
