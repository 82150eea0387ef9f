#include <nfopt/runtime/binding/binding_report.h>
#include <nfopt/runtime/binding/live_tensors.h>

#include <algorithm>

namespace nfopt {
namespace {

std::string line(const char* what, const std::string& text) {
  return "\n  " + std::string(what) + std::string(12 - std::string(what).size(), ' ') + text;
}

std::string counted(size_t count, const char* what) {
  return count == 0 ? "" : ", " + std::to_string(count) + " " + what;
}

// [16, 64] where [64, 16] is described: a layout, not a size.
bool is_transposed(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  return a.size() == 2 && b.size() == 2 && a[0] == b[1] && a[1] == b[0];
}

}  // namespace

std::string BindingReport::headline() const {
  return std::to_string(matched.size()) + " of " + std::to_string(described_count()) + " tensors match" +
         counted(missing.size(), "missing") + counted(wrong_shape.size(), "of another shape") +
         counted(other.size(), "unusable") + counted(extra.size(), "extra");
}

std::string BindingReport::problems() const {
  std::string text;
  if (!prefix.empty()) text += line("prefix", to_string(prefix));
  for (const auto& [described, shape, kind, near] : missing) {
    text += line("missing", "'" + described + "' is missing.");
    if (!near.empty()) text += " Did you mean '" + near + "'?";
    text += std::string(" Expected a ") + (kind == Kind::buffer ? "buffer " : "parameter ") + shape_text(shape) + ".";
  }
  for (const auto& [described, live, expected, received] : wrong_shape) {
    text +=
        line("shape", "'" + described + "': expected " + shape_text(expected) + ", received " + shape_text(received));
    if (live != described) text += " as '" + live + "'";
    if (is_transposed(expected, received)) text += ", its transpose";
    text += ".";
  }
  for (const auto& problem : other) text += line("unusable", problem);
  for (const auto& [live, shape] : extra) text += line("extra", "'" + live + "' " + shape_text(shape));
  return text;
}

std::string BindingReport::matches() const {
  std::string text;
  for (const auto& [described, live, frozen] : matched)
    text += line(frozen ? "frozen" : "match", "'" + described + "'" + (live == described ? "" : " is '" + live + "'"));
  for (const auto& [live, of] : tied) text += line("tied", "'" + live + "' is '" + of + "'");
  return text;
}

}  // namespace nfopt
