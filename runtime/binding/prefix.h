#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt {

/// How names of a live network and of a description differ at their front: live = removed + x, described = added + x.
/// At most one of the two is not empty, and it ends with a dot.
struct NFOPT_API Prefix {
  std::string removed;  ///< from every live name ("module.", "_orig_mod.model.")
  std::string added;    ///< to every live name ("transformer." for a bare GPT-2)

  bool empty() const { return removed.empty() && added.empty(); }
  /// The live name of a described one; "" when the described name lacks `added`.
  std::string live_name(const std::string& described) const;
};

/// "'module.' in front of every name removed", "" for none.
NFOPT_API std::string to_string(const Prefix& prefix);

/// The prefixes under which most described names occur among the live ones, no prefix first, then the shortest. More
/// than one: they match equally many (two networks in one module). None: not a single name occurs. O(names * dots).
NFOPT_API std::vector<Prefix> best_prefixes(const std::vector<std::string>& described,
                                            const std::vector<std::string>& live);

/// Every prefix that could be taken from live names alone: "" first, then the beginnings, up to a dot, that at least
/// half of the names share ("module.", "module.model."), for those who do not know the described names yet.
NFOPT_API std::vector<std::string> shared_prefixes(const std::vector<std::string>& live);

}  // namespace nfopt
