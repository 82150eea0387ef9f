#pragma once

#include <nfopt/nflayers/spec/expression.h>
#include <nfopt/nflayers/spec/tensor_description.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// A text of a document with "{expression}" in it, and where it stands.
struct TextTemplate {
  std::string text;
  std::string place;
};

/// One tensor of a description, before its expressions have values.
struct TensorTemplate {
  std::string place;
  TensorDescription fixed;  ///< kind, role and slots, which hold no expressions
  TextTemplate name;
  TextTemplate block;
  TextTemplate axes;
  std::vector<TextTemplate> shape;  ///< one expression per axis
  std::vector<TextTemplate> tied;
  std::optional<std::pair<TextTemplate, TextTemplate>> stack;  ///< over, of
  struct Slice {
    TextTemplate axis, start, stop, axes;
  };
  std::vector<Slice> views;
};

/// A tensor, or a loop `for: {i: 0..depth-1}` around a list of tensors and loops.
struct TemplateItem {
  struct Range {
    std::string variable;
    TextTemplate first;
    TextTemplate last;  ///< included; below `first`: no round at all
  };
  std::optional<TensorTemplate> tensor;  ///< set: not a loop
  std::vector<Range> ranges;             ///< the last one fastest
  std::vector<TemplateItem> items;
};

/// Reads the value of `tensors:`. Unknown keys, wrong types and missing keys go to `problems`.
std::vector<TemplateItem> read_template(const YamlValue& tensors, YamlProblems& problems);

/// Runs the loops and puts the values in. Expressions that have none go to `problems`, as do more than 100,000 tensors.
std::vector<TensorDescription> expand_template(const std::vector<TemplateItem>& items, const Variables& variables,
                                               YamlProblems& problems);

}  // namespace nfopt
