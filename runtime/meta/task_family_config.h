#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <string>

namespace nfopt {

/// Reads a distribution over tasks; the caller reads keys of its own and finishes the map. Numbers that may vary are a
/// number or [low, high]:
///
///   data: {name: fashion_mnist, image_size: 8}          # or a list of such maps: one is drawn
///   architecture:
///     name: mlp
///     activation: relu                                  # the same for all tasks
///   draw:                                               # options of the architecture that differ between tasks
///     activation: [relu, tanh]                          #   one of a list
///     width: {from: 12, to: 128}                        #   an integer, log-uniform
///     hidden: {from: 12, to: 128, count: [1, 6]}        #   a list of so many such integers
///   batch_size: [16, 128]
///   horizon: 2000                                       # inner steps of a trajectory
///   initial_scale: [0.5, 2]
///   permute_labels: true
///   merge_classes: 0.3                                  # share of tasks whose classes are merged
///   label_noise: {share: 0.2, up_to: 0.3}               # share of tasks with noise; share of their labels
NFOPT_API TaskFamilyOptions read_task_family(YamlMap& map, const std::string& name, YamlProblems& problems);

/// All of it, resolved.
NFOPT_API YamlValue to_yaml_value(const TaskFamilyOptions& family);

}  // namespace nfopt
