#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/nflayers/spec/weight_space.h>

namespace nfopt {

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

WeightSpace WeightSpace::from_numbered_labels(std::span<const NumberedTensor> tensors) {
  WeightSpace space;
  std::vector<int64_t> numbers;
  for (const auto& tensor : tensors) {
    if (tensor.labels.size() != tensor.shape.size())
      throw SpecError("'" + tensor.name + "' has " + std::to_string(tensor.labels.size()) + " labels for " +
                      std::to_string(tensor.shape.size()) + " axes. Give one number per axis.");
    TensorDescription description;
    View view;
    Tensor t;
    for (size_t axis = 0; axis < tensor.labels.size(); ++axis) {
      const int64_t number = tensor.labels[axis];
      const std::string name = number < 0 ? "n" + std::to_string(-number) : "l" + std::to_string(number);
      size_t label = 0;
      while (label < numbers.size() && numbers[label] != number) ++label;
      if (label == numbers.size()) {
        numbers.push_back(number);
        space.labels_.push_back({name, LabelType::plain, tensor.shape[axis], -1});
      }
      if (space.labels_[label].size != tensor.shape[axis])
        throw SpecError("Label " + std::to_string(number) + " has size " + std::to_string(space.labels_[label].size) +
                        ", but axis " + std::to_string(axis) + " of '" + tensor.name + "' has length " +
                        std::to_string(tensor.shape[axis]) + ".");
      description.axes += (axis ? ", " : "") + name;
      view.factors.push_back({static_cast<int>(label), -1, tensor.shape[axis], static_cast<int>(axis), 1});
      t.slots.push_back(axis == 0 ? Slot::output : axis == 1 ? Slot::input : Slot::neither);
    }
    const int index = static_cast<int>(space.tensors_.size());
    description.axes = "[" + description.axes + "]";
    description.name = t.name = t.block = view.name = tensor.name;
    description.shape = t.shape = tensor.shape;
    view.source = t.source = index;
    view.axis_offsets.assign(tensor.shape.size(), 0);
    space.descriptions_.push_back(description);
    space.sources_.push_back({tensor.name, {index}, false, tensor.shape});
    space.views_.push_back(view);
    space.tensors_.push_back(t);
  }
  return space;
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

}  // namespace nfopt
