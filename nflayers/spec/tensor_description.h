#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// What a tensor is for. Buffers take part in symmetries (running statistics) but receive no updates.
enum class Kind : uint8_t { parameter, buffer };

/// What a tensor does in its layer. Role-tied layers share coefficients by role; `describe` it truthfully.
enum class Role : uint8_t { weight, table, bias, scale, stat, other };

/// What an axis indexes: units the tensor writes (o), units it reads (i), or neither (x).
enum class Slot : uint8_t { output, input, neither };

/// One part of a tensor along one axis, with its own axis expression.
struct SliceDescription {
  int64_t axis = 0;
  int64_t start = 0;
  int64_t stop = 0;  ///< exclusive
  std::string axes;  ///< axis expression of the slice, e.g. "[[h, qk@h], m]"
};

/// Equal-shaped tensors read as one virtual tensor: its leading axis is `over`, the rest is each tensor's own axes.
struct StackDescription {
  std::string over;  ///< name of the leading label, e.g. "e"
  std::string of;    ///< pattern of the tensors' names with "{i}" for the position, e.g. "experts.{i}.up.weight"
};

/// A tensor as an author writes it, before names and sizes are resolved.
/// `shape` may be empty when the axis expression states every size; `WeightSpace` fills it in.
struct TensorDescription {
  std::string name;
  std::vector<int64_t> shape;  ///< of one element when `stack` is set
  Kind kind = Kind::parameter;
  Role role = Role::weight;
  std::string block;              ///< "": the tensor is a block of its own
  std::vector<Slot> slots;        ///< one per axis; empty: the role's default
  std::vector<std::string> tied;  ///< names of copies that share storage with this tensor
  std::optional<StackDescription> stack;
  std::string axes;                     ///< "[h, ~in]"; empty when `views` is used
  std::vector<SliceDescription> views;  ///< states the views when another axis changes with the part
};

}  // namespace nfopt
