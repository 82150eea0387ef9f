#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/io/yaml_value.h>
#include <nfopt/runtime/plugin/architecture.h>

#include <string>
#include <string_view>

namespace nfopt {

/// A description-only architecture: the tensors of a family of networks in YAML, without a compiler.
///
///   architecture: perceptron
///   summary: fully connected layers              # optional
///   options:                                     # optional; integers and booleans (true is 1)
///     depth: 3                                   #   a default,
///     width: {required: true, help: "units"}     #   or {type: integer | boolean, default, required, help}
///   examples:                                    # optional: what `nfopt plugin check` tests; without it, the defaults
///     shallow: {depth: 1, width: 5}              #   a name and the options that are not defaults
///   tensors:
///     - {name: fc0.weight, shape: [width, 784], axes: "[h0, ~in]"}
///     - for: {i: 1..depth-1}                     # both ends included; several variables nest; loops may nest
///       tensors:
///         - {name: "fc{i}.weight", shape: [width, width], axes: "[h{i}, h{i-1}]", block: "fc{i}"}
///     - {name: head.weight, shape: [10, width], axes: "[~cls, h{depth-1}]"}
///
/// Keys of a tensor: name, shape, axes or views, kind, role, block, slots, tied, stack (docs/weight-spaces.md).
/// "{expression}" stands for its value wherever a text stands; a shape's entries are expressions themselves.
/// Throws Error that lists every problem with file, line and column: unknown keys, wrong types, bad expressions.
/// The registry finds such files beside plugins, as <any name>.nfopt.yaml, or by their path. `recognize` finds the
/// options that a live network was made with, as far as they show in names and shapes (template_recognition.h).
/// `file` is what messages call the document.
NFOPT_API ArchitecturePtr architecture_from_yaml(const YamlValue& document, const std::string& file);

/// Whether a document describes tensors itself (and is not, say, a training config that names an architecture).
NFOPT_API bool describes_tensors(const YamlValue& document);

/// The way back: a description without options or loops, one tensor per line, that gives an equal weight space.
NFOPT_API std::string to_yaml(const WeightSpace& space, std::string_view name);

}  // namespace nfopt
