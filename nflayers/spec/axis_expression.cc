#include <nfopt/nflayers/spec/axis_expression.h>

namespace nfopt {
namespace {

std::string to_text(const AxisProduct& product) {
  if (product.factor) return nfopt::to_text(*product.factor);
  std::string text = "[";
  for (size_t i = 0; i < product.entries.size(); ++i) text += (i ? ", " : "") + nfopt::to_text(product.entries[i]);
  return text + "]";
}

}  // namespace

const char* sigil(LabelType type) {
  switch (type) {
    case LabelType::plain:
      return "";
    case LabelType::ordered:
      return "~";
    case LabelType::fixed:
      return "*";
  }
  return "";
}

std::string to_text(const AxisFactor& factor) {
  std::string text = sigil(factor.type) + factor.name;
  if (factor.parent) {
    text += std::string("@") + sigil(factor.parent->type) + factor.parent->name;
    if (factor.parent->occurrence >= 0) text += "." + std::to_string(factor.parent->occurrence);
  }
  if (!factor.size) return text;
  const bool bare = factor.type == LabelType::fixed && factor.name.empty();
  return text + (bare ? "" : "=") + std::to_string(*factor.size);
}

std::string to_text(const AxisConcat& concat) {
  std::string text;
  for (size_t i = 0; i < concat.parts.size(); ++i) text += (i ? " | " : "") + to_text(concat.parts[i]);
  return text;
}

std::string to_text(const AxisExpression& expression) {
  std::string text = "[";
  for (size_t i = 0; i < expression.axes.size(); ++i) text += (i ? ", " : "") + to_text(expression.axes[i]);
  return text + "]";
}

void visit_factors(AxisConcat& concat, const std::function<void(AxisFactor&)>& visit) {
  for (auto& product : concat.parts) {
    if (product.factor) visit(*product.factor);
    for (auto& entry : product.entries) visit_factors(entry, visit);
  }
}

void visit_factors(const AxisConcat& concat, const std::function<void(const AxisFactor&)>& visit) {
  for (const auto& product : concat.parts) {
    if (product.factor) visit(*product.factor);
    for (const auto& entry : product.entries) visit_factors(entry, visit);
  }
}

}  // namespace nfopt
