#include <nfopt/runtime/zoo/member_data.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nfopt {

MemberData::MemberData(const Examples& from, int64_t classes, double share, double noise, const Rng& rng)
    : from_{from.inputs.contiguous(), from.targets.contiguous()}, rng_(rng.purpose("batch")) {
  const int64_t all = from.size();
  const int64_t size = std::clamp<int64_t>(std::llround(share * static_cast<double>(all)), 1, all);
  if (size < all) {
    rows_ = rng.purpose("subset").permutation(all);
    rows_.resize(static_cast<size_t>(size));
    rows_.shrink_to_fit();
  }
  const Rng flip = rng.purpose("noise"), other = rng.purpose("label");
  const int64_t* stored = from_.targets.const_data_ptr<int64_t>();
  labels_.resize(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const int64_t row = rows_.empty() ? i : rows_[static_cast<size_t>(i)];
    const bool random = noise > 0 && flip.uniform(static_cast<uint64_t>(row)) < noise;
    labels_[static_cast<size_t>(i)] = random ? other.integer(static_cast<uint64_t>(row), classes) : stored[row];
  }
}

void MemberData::draw(int64_t t, at::Tensor inputs, at::Tensor targets) const {
  const int64_t count = targets.size(0);
  const size_t bytes = static_cast<size_t>(from_.inputs[0].numel()) * from_.inputs.element_size();
  const auto* source = static_cast<const char*>(from_.inputs.const_data_ptr());
  auto* input = static_cast<char*>(inputs.mutable_data_ptr());
  int64_t* target = targets.mutable_data_ptr<int64_t>();
  const Rng rng = rng_.index(static_cast<uint64_t>(t));
  for (int64_t j = 0; j < count; ++j) {
    const int64_t i = rng.integer(static_cast<uint64_t>(j), size());
    const int64_t row = rows_.empty() ? i : rows_[static_cast<size_t>(i)];
    std::memcpy(input, source + static_cast<size_t>(row) * bytes, bytes);
    input += bytes;
    *target++ = labels_[static_cast<size_t>(i)];
  }
}

Examples MemberData::first(int64_t count) const {
  const int64_t n = std::min(count, size());
  const std::vector<int64_t> labels(labels_.begin(), labels_.begin() + n);
  const at::Tensor targets = at::tensor(labels, at::kLong);
  if (rows_.empty()) return {from_.inputs.narrow(0, 0, n), targets};
  const std::vector<int64_t> rows(rows_.begin(), rows_.begin() + n);
  return {from_.inputs.index_select(0, at::tensor(rows, at::kLong)), targets};
}

}  // namespace nfopt
