#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/conformance/culprit.h>
#include <nfopt/runtime/conformance/findings.h>

#include <algorithm>
#include <set>
#include <utility>

namespace nfopt::conformance {
namespace {

using Views = std::vector<View>;

constexpr uint64_t kElements = 3;

// A factor of a view, the smallest thing that moves.
struct Place {
  size_t view = 0;
  size_t factor = 0;
};

class Search {
 public:
  Search(const FunctionProbe& probe, const Rng& rng) : probe_(probe), space_(probe.space()), rng_(rng) {}

  const Label& label(int l) const { return space_.labels()[static_cast<size_t>(l)]; }

  // "'h'", "'~pix'", "'*' of w axis 2"
  std::string shown(int l) const {
    const char* sign = label(l).type == LabelType::ordered ? "~" : label(l).type == LabelType::fixed ? "*" : "";
    if (!label(l).name.empty()) return "'" + (sign + label(l).name) + "'";
    return std::string("'*' of ") + axes_of(space_.views(), l);
  }

  // "'w1' axis 0, 'b1' axis 0"
  std::string axes_of(const Views& views, int l) const {
    std::set<std::pair<int, int>> axes;
    for (const View& view : views)
      for (const Factor& factor : view.factors)
        if (factor.label == l) axes.insert({view.source, factor.axis});
    std::string text;
    for (const auto& [source, axis] : axes) text += (text.empty() ? "" : ", ") + axis_text(source, axis);
    return text;
  }

  // Axes of the tensors that `l` moves, along which it does not move them.
  std::string resting_axes(int l) const {
    std::set<int> sources;
    for (const View& view : space_.views())
      for (const Factor& factor : view.factors)
        if (factor.label == l) sources.insert(view.source);
    std::string text;
    for (const int source : sources) {
      const auto& shape = space_.sources()[static_cast<size_t>(source)].shape;
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
        const bool moves = std::any_of(space_.views().begin(), space_.views().end(), [&](const View& view) {
          return view.source == source &&
                 std::any_of(view.factors.begin(), view.factors.end(),
                             [&](const Factor& factor) { return factor.label == l && factor.axis == axis; });
        });
        if (!moves) text += (text.empty() ? "" : ", ") + axis_text(source, axis);
      }
    }
    return text;
  }

  std::string axis_text(int source, int axis) const {
    return "'" + space_.sources()[static_cast<size_t>(source)].name + "' axis " + std::to_string(axis);
  }
  std::string axis_text(const Place& place) const {
    const View& view = space_.views()[place.view];
    return axis_text(view.source, view.factors[place.factor].axis);
  }

  // The worst of a few elements: a single one may happen to be a symmetry, as one that keeps the heads together is.
  FunctionProbe::Error error(const Views& views, int l) const {
    FunctionProbe::Error worst;
    for (uint64_t draw = 0; draw < kElements && worst.is_symmetry(); ++draw) {
      GroupElement g = random_element_of(space_, l, rng_.index(draw));
      g.permutations.emplace_back();  // of still()
      const auto error = probe_.error(GroupAction(space_, views, g));
      if (error.relative >= worst.relative) worst = error;
    }
    return worst;
  }
  bool is_symmetry(const Views& views, int l) const { return error(views, l).is_symmetry(); }

  // ---- changes to the description ------------------------------------------------------------

  Views with_label(Views views, const Place& place, int l) const {
    views[place.view].factors[place.factor].label = l;
    return views;
  }
  Views merged(Views views, int l, const std::vector<int>& others) const {
    for (View& view : views)
      for (Factor& factor : view.factors)
        if (std::find(others.begin(), others.end(), factor.label) != others.end()) factor.label = l;
    return views;
  }
  // The factors of one axis of one view laid out in reverse order.
  Views reversed(Views views, size_t v, int axis) const {
    std::vector<Factor*> product;
    for (Factor& factor : views[v].factors)
      if (factor.axis == axis) product.push_back(&factor);
    int64_t stride = product.back()->stride;
    for (Factor* factor : product) {
      factor->stride = stride;
      stride *= factor->size;
    }
    return views;
  }

  // ---- what would make `l` a symmetry; "" when nothing here does --------------------------------

  std::string by_merging(const std::vector<WrongLabel>& wrong, int l) const {
    std::vector<int> fellows;  // first those that are wrong as well: a tie that is missing breaks both sides
    for (const WrongLabel& other : wrong)
      if (other.label != l && alike(other.label, l)) fellows.push_back(other.label);
    for (const int other : fellows)
      if (is_symmetry(merged(space_.views(), l, {other}), l)) return merge_text({other});
    if (fellows.size() > 1 && is_symmetry(merged(space_.views(), l, fellows), l)) {
      for (const int dropped : std::vector<int>(fellows)) {
        std::vector<int> fewer;
        for (const int fellow : fellows)
          if (fellow != dropped) fewer.push_back(fellow);
        if (is_symmetry(merged(space_.views(), l, fewer), l)) fellows = fewer;
      }
      return merge_text(fellows);
    }
    for (int other = 0; other < static_cast<int>(space_.labels().size()); ++other) {
      if (other == l || !alike(other, l) || std::find(fellows.begin(), fellows.end(), other) != fellows.end()) continue;
      if (is_symmetry(merged(space_.views(), l, {other}), l)) return merge_text({other});
    }
    return "";
  }

  std::string by_one_axis_less(int l) const {
    const std::vector<Place> places = places_of([&](const Factor& factor) { return factor.label == l; });
    if (places.size() < 2) return "";
    for (const Place& place : places)
      if (is_symmetry(with_label(space_.views(), place, still()), l))
        return "It is one if " + axis_text(place) + " stays: give that axis another label.";
    return "";
  }

  std::string by_reversing(int l) const {
    for (size_t v = 0; v < space_.views().size(); ++v) {
      std::set<int> axes;
      for (const Factor& factor : space_.views()[v].factors)
        if (factor.label == l) axes.insert(factor.axis);
      for (const int axis : axes) {
        const auto& factors = space_.views()[v].factors;
        if (std::count_if(factors.begin(), factors.end(), [&](const Factor& f) { return f.axis == axis; }) < 2)
          continue;
        if (is_symmetry(reversed(space_.views(), v, axis), l))
          return "It is one if the factors of " + axis_text(space_.views()[v].source, axis) +
                 " stand in reverse order: the last one is the fastest.";
      }
    }
    return "";
  }

  std::string by_one_axis_more(int l) const {
    for (const Place& place : places_of([&](const Factor& factor) { return fits(factor, l); }))
      if (is_symmetry(with_label(space_.views(), place, l), l))
        return "It is one if " + axis_text(place) + " moves, too: write " + shown(l) + " there.";
    return "";
  }

  std::string by_another_axis(int l) const {
    for (const Place& from : places_of([&](const Factor& factor) { return factor.label == l; })) {
      const Views without = with_label(space_.views(), from, still());
      for (const Place& to : places_of([&](const Factor& factor) { return fits(factor, l); })) {
        if (space_.views()[to.view].source != space_.views()[from.view].source) continue;
        if (is_symmetry(with_label(without, to, l), l))
          return "It is one if " + axis_text(to) + " moves instead of axis " +
                 std::to_string(space_.views()[from.view].factors[from.factor].axis) + ": the axes are swapped.";
      }
    }
    return "";
  }

  // A flat label over heads or groups: blocks move as a whole, and each block in itself.
  std::string by_blocks(int l) const {
    const int64_t size = label(l).size;
    if (label(l).parent >= 0) return "";
    for (int64_t blocks = 2; blocks * 2 <= size; ++blocks) {
      if (size % blocks != 0) continue;
      const int64_t inner = size / blocks;
      std::vector<int64_t> whole, within;
      for (int64_t i = 0; i < size; ++i) {
        whole.push_back((i / inner + 1) % blocks * inner + i % inner);
        within.push_back(i / inner * inner + (i / inner == 0 ? (i + 1) % inner : i % inner));  // the first block only
      }
      if (!moves_as(l, within)) continue;
      const std::string name = label(l).name, sized = name + "=" + std::to_string(blocks);
      const std::string nested = moves_as(l, whole) ? "[" + sized + ", in_" + name + "@" + name + "]"
                                                    : "[g=" + std::to_string(blocks) + ", in_" + name +
                                                          "@g], where g is the label of the heads or groups";
      return "It is one within " + std::to_string(blocks) + " equal blocks (heads, groups): write " + nested + ".";
    }
    return "";
  }

 private:
  // May carry one permutation: equal size, and nested in the same label or in none.
  bool alike(int a, int b) const { return label(a).size == label(b).size && label(a).parent == label(b).parent; }
  bool fits(const Factor& factor, int l) const {
    return factor.label != l && factor.size == label(l).size && label(l).parent == label(factor.label).parent;
  }
  // A label beyond those of the space: nothing moves it.
  int still() const { return static_cast<int>(space_.labels().size()); }
  bool moves_as(int l, const std::vector<int64_t>& permutation) const {
    GroupElement g = identity_element(space_);
    g.permutations[static_cast<size_t>(l)] = {permutation};
    return probe_.error(GroupAction(space_, g)).is_symmetry();
  }
  std::string merge_text(const std::vector<int>& others) const {
    std::string names, axes;
    for (const int other : others) {
      names += (names.empty() ? "" : " and ") + shown(other);
      axes += (axes.empty() ? "" : ", ") + axes_of(space_.views(), other);
    }
    return "It is one together with " + names + " (" + axes + "): the same units, so write the same label.";
  }
  template <class Select>
  std::vector<Place> places_of(Select select) const {
    std::vector<Place> places;
    for (size_t v = 0; v < space_.views().size(); ++v)
      for (size_t f = 0; f < space_.views()[v].factors.size(); ++f)
        if (select(space_.views()[v].factors[f])) places.push_back({v, f});
    return places;
  }

  const FunctionProbe& probe_;
  const WeightSpace& space_;
  const Rng& rng_;
};

}  // namespace

std::vector<WrongLabel> wrong_labels(const FunctionProbe& probe, const Rng& rng) {
  const Search search(probe, rng);
  std::vector<WrongLabel> wrong;
  const std::vector<bool> symmetric = symmetric_labels(probe.space());
  for (size_t l = 0; l < symmetric.size(); ++l) {
    if (!symmetric[l]) continue;
    const auto error = search.error(probe.space().views(), static_cast<int>(l));
    if (!error.is_symmetry()) wrong.push_back({static_cast<int>(l), error});
  }
  return wrong;
}

std::string explain(const FunctionProbe& probe, const std::vector<WrongLabel>& wrong, const WrongLabel& label,
                    const Rng& rng) {
  const Search search(probe, rng);
  const int l = label.label;
  std::string advice = search.by_merging(wrong, l);
  if (advice.empty()) advice = search.by_one_axis_less(l);
  if (advice.empty()) advice = search.by_reversing(l);
  if (advice.empty()) advice = search.by_one_axis_more(l);
  if (advice.empty()) advice = search.by_another_axis(l);
  if (advice.empty()) advice = search.by_blocks(l);
  if (advice.empty()) {
    const std::string& name = search.label(l).name;
    advice = "No change of a single axis makes it one. If these entries are not alike, write '~" + name + "'.";
  }
  const std::string resting = search.resting_axes(l);
  return "label " + search.shown(l) + " is not a symmetry: " + label.error.where + " changes by " +
         error_text(label.error.relative) + " (relative), limit " + error_text(FunctionProbe::kTolerance) +
         "\nmoved: " + search.axes_of(probe.space().views(), l) +
         (resting.empty() ? "" : "\nof the same tensors, not moved: " + resting) + "\n" + advice;
}

std::vector<std::string> missed_symmetries(const FunctionProbe& probe, const Rng& rng) {
  const Search search(probe, rng);
  const WeightSpace& space = probe.space();
  std::vector<std::string> missed;
  std::vector<int> unclaimed;
  for (int l = 0; l < static_cast<int>(space.labels().size()); ++l) {
    const Label& label = search.label(l);
    if (label.type == LabelType::plain || label.size < 2) continue;
    if (search.is_symmetry(space.views(), l))
      missed.push_back(search.shown(l) + " (" + search.axes_of(space.views(), l) +
                       ") may be permuted: a plain label would say so.");
    else
      unclaimed.push_back(l);
  }
  for (size_t a = 0; a < unclaimed.size(); ++a)
    for (size_t b = a + 1; b < unclaimed.size(); ++b) {
      if (search.label(unclaimed[a]).size != search.label(unclaimed[b]).size) continue;
      if (search.is_symmetry(search.merged(space.views(), unclaimed[a], {unclaimed[b]}), unclaimed[a]))
        missed.push_back(search.shown(unclaimed[a]) + " (" + search.axes_of(space.views(), unclaimed[a]) + ") and " +
                         search.shown(unclaimed[b]) + " (" + search.axes_of(space.views(), unclaimed[b]) +
                         ") may be permuted together: one plain label would say so.");
    }
  return missed;
}

}  // namespace nfopt::conformance
