#pragma once

#include <nfopt/runtime/zoo/zoo_config.h>

#include <filesystem>
#include <string>

namespace nfopt::testing {

/// YAML of a zoo that trains in milliseconds, on write_tiny_data(data, ..).
inline std::string small_zoo_text(const std::filesystem::path& data) {
  return R"(name: small
networks: 21
networks_per_chunk: 4
threads: 2
architecture: {name: mlp, input_size: 16, hidden: [6], output_size: 10}
data: {name: fashion_mnist, folder: )" +
         data.string() + R"(, image_size: 4}
draw:
  optimizer: {adam: [0.01, 0.1], sgdm: 0.05}
  batch_size: [8, 16]
  steps: [10, 60]
  initial_scale: [0.5, 2]
  weight_decay: [0.00001, 0.01]
  data_share: [0.3, 1]
  label_noise: [0, 0.5]
  options: {activation: [relu, tanh]}
evaluation: {train_examples: 64}
)";
}

inline ZooConfig small_zoo(const std::filesystem::path& data) {
  return read_zoo_config(parse_yaml(small_zoo_text(data), "small.yaml"), "small.yaml");
}

}  // namespace nfopt::testing
