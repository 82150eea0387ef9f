#include <nfopt/nflayers/spec/name_resolution.h>
#include <nfopt/nflayers/spec/near_names.h>

#include <map>
#include <set>

namespace nfopt {
namespace {

struct Use {
  int label = -1;
  AxisFactor first;   // as it was written first
  std::string where;  // and where
};

std::string without_size(AxisFactor factor) {
  factor.size.reset();
  if (factor.parent) factor.parent->occurrence = -1;
  return to_text(factor);
}

class NameTable {
 public:
  // A tensor that could not be read may have introduced any name: then a missing parent is no news.
  explicit NameTable(ProblemList& problems) : problems_(problems), complete_(problems.empty()) {}

  void add(AxisFactor& factor, const std::string& where) {
    if (factor.name.empty()) {
      factor.label = static_cast<int>(labels_.size());
      labels_.push_back({"", LabelType::fixed, 0, -1});
      return;
    }
    const auto [entry, is_new] = uses_.try_emplace(factor.name);
    Use& use = entry->second;
    if (is_new) {
      use = {static_cast<int>(labels_.size()), factor, where};
      labels_.push_back({factor.name, factor.type, 0, -1});
    } else if (without_size(factor) != without_size(use.first) && disputed_.insert(factor.name).second) {
      problems_.add(
          "'" + factor.name + "' is '" + without_size(factor) + "' at " + where + ", but '" + without_size(use.first) +
          "' at " + use.where +
          ". A name has one type and one parent in the whole space: write it alike everywhere, or use two names.");
    }
    factor.label = use.label;
  }

  std::vector<Label> finish() {
    for (const auto& [name, use] : uses_)
      if (use.first.parent) link(name, use);
    for (const auto& [name, use] : uses_) refuse_circles(name, use);
    return std::move(labels_);
  }

 private:
  void link(const std::string& name, const Use& use) {
    const ParentReference& parent = *use.first.parent;
    const auto found = uses_.find(parent.name);
    if (found == uses_.end()) {
      if (!complete_) return;
      std::vector<std::string> known;
      for (const auto& [other, ignored] : uses_)
        if (other != name) known.push_back(other);
      problems_.add("'" + without_size(use.first) + "' at " + use.where + ": no factor is called '" + parent.name +
                    "'." + known_names(parent.name, known));
      return;
    }
    const AxisFactor& first = found->second.first;
    if (first.type != parent.type)
      problems_.add("'" + without_size(use.first) + "' at " + use.where + " names its parent '" + sigil(parent.type) +
                    parent.name + "', but that is '" + sigil(first.type) + parent.name + "' at " + found->second.where +
                    ".");
    labels_[static_cast<size_t>(use.label)].parent = found->second.label;
  }

  void refuse_circles(const std::string& name, const Use& use) {
    int label = labels_[static_cast<size_t>(use.label)].parent;
    for (size_t steps = 0; label >= 0 && label != use.label && steps <= labels_.size(); ++steps)
      label = labels_[static_cast<size_t>(label)].parent;
    if (label != use.label) return;
    problems_.add("'" + without_size(use.first) + "' at " + use.where + ": '" + name + "' is nested in itself.");
    labels_[static_cast<size_t>(use.label)].parent = -1;  // so that the circle is reported once
  }

  ProblemList& problems_;
  bool complete_;
  std::vector<Label> labels_;
  std::map<std::string, Use> uses_;
  std::set<std::string> disputed_;
};

}  // namespace

std::vector<Label> resolve_names(std::vector<TensorSyntax>& tensors, ProblemList& problems) {
  NameTable table(problems);
  for (auto& tensor : tensors) {
    int over = -1;
    for (auto& axes : tensor.parts)
      for (auto& concat : axes.expression.axes)
        visit_factors(concat, [&](AxisFactor& factor) {
          // The slices of a stack share its one leading axis, even when it is a bare "*".
          if (factor.column == 0 && over >= 0) {
            factor.label = over;
            return;
          }
          table.add(factor, place(tensor, axes, factor));
          if (factor.column == 0) over = factor.label;
        });
  }
  return table.finish();
}

}  // namespace nfopt
