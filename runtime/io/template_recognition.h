#pragma once

#include <nfopt/runtime/io/weight_space_template.h>
#include <nfopt/runtime/plugin/architecture.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// The options under which a description gives exactly these names and shapes, or nothing.
///
/// Every stated length of a tensor that exists is an equation ("3*width" = 48), and so is the last value of a loop (the
/// tensors "h.0.attn", "h.1.attn" and no "h.2.attn": "depth-1" = 1). Equations with one unknown are solved until none
/// is left; an option that leaves no equation keeps its default. Sizes inside axis expressions are not read: a number
/// of heads shows in no shape. The result is proved by describing the network again.
std::optional<std::map<std::string, OptionValue>> recognize_template(const Architecture& architecture,
                                                                     const std::vector<TemplateItem>& items,
                                                                     const NamedShapes& shapes);

}  // namespace nfopt
