#pragma once

#include <nfopt/runtime/plugin/plugin.h>

#include <string>
#include <vector>

namespace nfopt::testing {

/// Nothing wrong with this one: a bad plugin overrides the one method in which it misbehaves.
class MinimalArchitecture : public Architecture {
 public:
  explicit MinimalArchitecture(std::string name) : name_(std::move(name)) {}

  ArchitectureInfo info() const override { return {.name = name_, .summary = "one vector", .options = {}}; }
  std::vector<TensorDescription> describe(const Options&) const override {
    TensorDescription vector;
    vector.name = "vector";
    vector.axes = "[h=3]";
    return {vector};
  }

 private:
  std::string name_;
};

}  // namespace nfopt::testing
