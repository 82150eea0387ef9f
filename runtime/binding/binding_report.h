#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/tensor_description.h>
#include <nfopt/runtime/binding/prefix.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// What matched and what did not, complete: every tensor of the description and every live one is in here once.
struct NFOPT_API BindingReport {
  struct Match {
    std::string described;
    std::string live;
    bool frozen = false;  ///< requires no gradient while others do: its values are features, it is never stepped
  };
  struct Missing {
    std::string described;
    std::vector<int64_t> shape;
    Kind kind = Kind::parameter;
    std::string near;  ///< the likeliest of the unmatched live names, "" if none is near
  };
  struct WrongShape {
    std::string described;
    std::string live;
    std::vector<int64_t> expected;
    std::vector<int64_t> received;
  };
  struct Extra {
    std::string live;
    std::vector<int64_t> shape;
  };
  struct Tie {
    std::string live;  ///< a second name of a matched tensor
    std::string of;    ///< the described name
  };

  Prefix prefix;
  std::vector<Match> matched;
  std::vector<Missing> missing;
  std::vector<WrongShape> wrong_shape;
  std::vector<Extra> extra;
  std::vector<Tie> tied;
  std::vector<std::string> other;  ///< ties without shared storage, buffers in the place of parameters, integers, ..

  /// Everything described is there, with its shape. Extra tensors do not count.
  bool complete() const { return missing.empty() && wrong_shape.empty() && other.empty(); }
  size_t described_count() const { return matched.size() + missing.size() + wrong_shape.size(); }
  /// "3 of 4 tensors match, 1 missing, 2 extra".
  std::string headline() const;
  /// One line per tensor that needs attention; `matches` lists the others, too.
  std::string problems() const;
  std::string matches() const;
};

}  // namespace nfopt
