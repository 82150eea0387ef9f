#pragma once

#include <nfopt/runtime/binding/binding.h>
#include <nfopt/runtime/plugin/instance.h>
#include <nfopt/runtime/plugin/registry.h>

#include <string>
#include <vector>

namespace nfopt {

/// Which architectures of a registry a network belongs to.
struct NFOPT_API Recognition {
  struct Candidate {
    std::string architecture;
    Instance instance;
    std::string prefix;  ///< in front of the network's names; "" for none

    std::string options_text() const;  ///< "heads = 2, width = 64, ..", "no options"
  };
  struct Rejection {
    std::string architecture;
    std::string reason;
  };
  std::vector<Candidate> candidates;  ///< by name
  std::vector<Rejection> rejections;  ///< everything else that was looked at, plugins that could not be loaded included

  /// "'mlp': hidden = [64], ..." for every candidate, then "'gpt': why not" for every other one.
  std::string text() const;
};

/// Loads what the registry's directories hold and asks every architecture for options that give exactly these names
/// and shapes, as they are and without a prefix that at least half of them share. A reason says how far the names of an
/// architecture are from these.
NFOPT_API Recognition recognize(const NamedShapes& shapes, Registry& registry = Registry::global());

/// The one architecture that a network belongs to. Shared tensors count once; if buffers stand in the way (causal
/// masks), only parameters are looked at.
/// Throws Error("binding", ..) when nothing fits, with the reason for each architecture, and when several fit that
/// describe different symmetries.
NFOPT_API Recognition::Candidate recognize_one(const std::vector<LiveTensor>& tensors,
                                               Registry& registry = Registry::global());

/// Recognises a network and binds it: the one line for those who do not want to name an architecture. What names and
/// shapes do not say (numbers of heads, groups of a norm: assumed_sizes.h) is the architecture's guess;
/// require_symmetries (symmetry_check.h) tests it.
NFOPT_API Binding recognize_and_bind(const std::vector<LiveTensor>& tensors, Registry& registry = Registry::global());
NFOPT_API Binding recognize_and_bind(const torch::nn::Module& module, Registry& registry = Registry::global());

}  // namespace nfopt
