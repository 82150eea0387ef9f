#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/embedding.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {
namespace {

void check(const at::Tensor& tokens, const at::Tensor& table) {
  if (!at::isIntegralType(tokens.scalar_type(), false)) {
    throw Error("network", "embedding expects tokens of an integer type; received " +
                               std::string(at::toString(tokens.scalar_type())) + ". Give the indices of the rows.");
  }
  const bool fits = table.dim() == 3 && tokens.dim() >= 1 && (tokens.size(0) == 1 || tokens.size(0) == table.size(0));
  if (!fits) {
    throw Error("network", "embedding expects tokens [P|1, B..] and a table [P, V, d]; received " +
                               shape_text({{"tokens", tokens}, {"table", table}}) + ".");
  }
  if (!tokens.is_cpu() || tokens.numel() == 0) return;
  const auto lowest = tokens.min().item<int64_t>(), highest = tokens.max().item<int64_t>();
  if (lowest >= 0 && highest < table.size(1)) return;
  throw Error("network", "embedding expects tokens from 0 to " + std::to_string(table.size(1) - 1) + "; received " +
                             std::to_string(lowest < 0 ? lowest : highest) + ". Enlarge the vocabulary.");
}

}  // namespace

at::Tensor embedding(const at::Tensor& tokens, const at::Tensor& table) {
  check(tokens, table);
  const int64_t members = table.size(0), rows = table.size(1);
  at::Tensor row = tokens.to(at::kLong);
  if (members > 1) {  // all tables are one, and each member's rows begin at an offset
    std::vector<int64_t> shape(static_cast<size_t>(tokens.dim()), 1);
    shape.front() = members;
    row = row + (at::arange(members, row.options()) * rows).view(shape);
  }
  return at::embedding(table.reshape({members * rows, table.size(2)}), row);
}

}  // namespace nfopt::ops
