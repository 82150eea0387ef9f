#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/name_resolution.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/size_inference.h>
#include <nfopt/nflayers/spec/tensor_syntax.h>
#include <nfopt/nflayers/spec/view_cutting.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <map>

namespace nfopt {
namespace {

constexpr int64_t kMostElements = 65536;  // of a stack

std::string at_position(std::string pattern, int64_t position) {
  const std::string mark = "{i}";
  const std::string number = std::to_string(position);
  for (size_t at = pattern.find(mark); at != std::string::npos; at = pattern.find(mark, at + number.size()))
    pattern.replace(at, mark.size(), number);
  return pattern;
}

// Description and syntax of one source become its tensors, in order of the stack.
std::vector<Tensor> tensors_of(const TensorDescription& description, const TensorSyntax& syntax, int source) {
  Tensor tensor;
  tensor.name = description.name;
  tensor.shape = syntax.shape;
  tensor.kind = description.kind;
  tensor.role = description.role;
  tensor.block = description.block.empty() ? description.name : description.block;
  tensor.slots = syntax.slots;
  tensor.tied = description.tied;
  tensor.source = source;
  if (!syntax.stacked) return {tensor};
  tensor.shape.erase(tensor.shape.begin());
  std::vector<Tensor> elements(static_cast<size_t>(syntax.shape.front()), tensor);
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i].name = at_position(description.stack->of, static_cast<int64_t>(i));
    for (auto& copy : elements[i].tied) copy = at_position(copy, static_cast<int64_t>(i));
  }
  return elements;
}

// Every parameter is listed once; a copy is named by the tensor it shares storage with, and only there.
void check_listed_once(const std::vector<Tensor>& tensors, ProblemList& problems) {
  std::map<std::string, std::string> listed;
  for (const auto& tensor : tensors)
    if (!listed.emplace(tensor.name, tensor.name).second)
      problems.add("'" + tensor.name +
                   "' is listed twice. A shared parameter is listed once and names its copies in `tied`.");
  for (const auto& tensor : tensors)
    for (const auto& copy : tensor.tied) {
      const auto [entry, is_new] = listed.emplace(copy, tensor.name);
      if (is_new) continue;
      problems.add("'" + tensor.name + "': tied '" + copy + "' is " +
                   (entry->second == copy ? "listed as a tensor as well" : "tied to '" + entry->second + "' as well") +
                   ". A shared parameter is listed once and its copies are named once.");
    }
}

// Descriptions are kept as the author meant them, in canonical text and with their shapes.
void make_canonical(TensorDescription& description, const TensorSyntax& syntax) {
  description.shape.assign(syntax.shape.begin() + (syntax.stacked ? 1 : 0), syntax.shape.end());
  if (description.stack) description.stack->over = to_text(syntax.over);
  if (!description.axes.empty()) description.axes = syntax.parts.front().text;
  for (size_t i = 0; i < description.views.size(); ++i) description.views[i].axes = syntax.parts[i].text;
}

}  // namespace

WeightSpace::WeightSpace(std::vector<TensorDescription> descriptions) : descriptions_(std::move(descriptions)) {
  ProblemList problems;
  std::vector<TensorSyntax> syntax;
  for (const auto& description : descriptions_) syntax.push_back(read_tensor(description, problems));
  labels_ = resolve_names(syntax, problems);
  problems.throw_if_any();

  infer_sizes(syntax, labels_, problems);
  for (const auto& source : syntax)
    if (source.stacked && source.shape.front() > kMostElements)
      problems.add("'" + source.name + "' stacks " + std::to_string(source.shape.front()) + " tensors, more than " +
                   std::to_string(kMostElements) + ".");
  problems.throw_if_any();  // strides and stacks need every size

  for (size_t i = 0; i < syntax.size(); ++i) {
    const int index = static_cast<int>(i);
    Source source{syntax[i].name, {}, syntax[i].stacked, syntax[i].shape};
    for (auto& tensor : tensors_of(descriptions_[i], syntax[i], index)) {
      source.tensors.push_back(static_cast<int>(tensors_.size()));
      tensors_.push_back(std::move(tensor));
    }
    for (auto& view : cut_views(syntax[i], index, labels_, problems)) views_.push_back(std::move(view));
    sources_.push_back(std::move(source));
    make_canonical(descriptions_[i], syntax[i]);
  }
  check_listed_once(tensors_, problems);
  problems.throw_if_any();
}

WeightSpace WeightSpace::from_numbered_labels(std::span<const NumberedTensor> tensors) {
  std::vector<TensorDescription> descriptions;
  for (const auto& tensor : tensors) {
    TensorDescription description;
    description.name = tensor.name;
    description.shape = tensor.shape;
    for (const int64_t number : tensor.labels) {
      const uint64_t size = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
      description.axes += (description.axes.empty() ? "" : ", ") + ((number < 0 ? "n" : "l") + std::to_string(size));
    }
    description.axes = "[" + description.axes + "]";
    descriptions.push_back(std::move(description));
  }
  return WeightSpace(std::move(descriptions));
}

int WeightSpace::find(std::string_view name) const {
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].name == name) return static_cast<int>(i);
  return -1;
}

int WeightSpace::index(std::string_view name) const {
  const int i = find(name);
  if (i >= 0) return i;
  std::vector<std::string> known;
  for (const auto& tensor : tensors_) known.push_back(tensor.name);
  throw SpecError("The weight space has no tensor '" + std::string(name) + "'." + known_names(name, known));
}

int64_t WeightSpace::parameter_count() const {
  int64_t n = 0;
  for (const auto& tensor : tensors_)
    if (tensor.kind == Kind::parameter) n += tensor.numel();
  return n;
}

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

}  // namespace nfopt
