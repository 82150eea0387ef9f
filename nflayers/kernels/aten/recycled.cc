#include <ATen/EmptyTensor.h>
#include <ATen/TensorUtils.h>
#include <c10/core/CPUAllocator.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace nfopt::aten {
namespace {

constexpr size_t kLarge = size_t{1} << 17;     // bytes; below, malloc keeps memory by itself
constexpr size_t kMostKept = size_t{1} << 30;  // bytes
constexpr size_t kHeader = 64;                 // before the data: the size; data stay aligned to cache lines

class Pool final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const size_t wanted = (bytes + kHeader + kStep - 1) / kStep * kStep;
    void* block = take(wanted);
    void* data = static_cast<char*>(block) + kHeader;
    c10::reportMemoryUsageToProfiler(data, static_cast<int64_t>(size_of(block)), 0, 0, c10::Device(c10::kCPU));
    return {data, block, &Pool::give_back, c10::Device(c10::kCPU)};
  }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  static Pool& instance() {  // never destroyed: tensors may outlive every static object
    static Pool& pool = *new Pool;
    return pool;
  }

 private:
  static constexpr size_t kStep = size_t{1} << 12;

  static size_t& size_of(void* block) { return *static_cast<size_t*>(block); }

  void* take(size_t wanted) {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.lower_bound(wanted);
    void* block = nullptr;
    if (found != kept_.end() && found->first <= wanted + wanted / 8) {
      block = found->second;
      kept_bytes_ -= found->first;
      kept_.erase(found);
    } else {
      most_used_ = std::max(most_used_, used_ + wanted);
      shrink(most_used_ - used_ - wanted);
      block = std::aligned_alloc(kHeader, wanted);
      if (block == nullptr) {
        shrink(0);
        block = std::aligned_alloc(kHeader, wanted);
      }
      if (block == nullptr) throw std::bad_alloc();
      size_of(block) = wanted;
    }
    used_ += size_of(block);
    most_used_ = std::max(most_used_, used_);
    return block;
  }

  static void give_back(void* block) {
    const size_t size = size_of(block);
    c10::reportMemoryUsageToProfiler(static_cast<char*>(block) + kHeader, -static_cast<int64_t>(size), 0, 0,
                                     c10::Device(c10::kCPU));
    Pool& pool = instance();
    const std::lock_guard lock(pool.mutex_);
    pool.used_ -= size;
    pool.kept_.emplace(size, block);
    pool.kept_bytes_ += size;
    pool.shrink(std::min(kMostKept, pool.most_used_ / 4 * 3));  // the rest is for memory from elsewhere
  }

  void shrink(size_t bytes) {
    while (kept_bytes_ > bytes) {  // small ones cost least to get again
      const auto smallest = kept_.begin();
      kept_bytes_ -= smallest->first;
      std::free(smallest->second);
      kept_.erase(smallest);
    }
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> kept_;  // by size
  size_t kept_bytes_ = 0;
  size_t used_ = 0;
  size_t most_used_ = 0;
};

}  // namespace

at::Tensor recycled(at::IntArrayRef sizes, const at::TensorOptions& options) {
  size_t bytes = options.dtype().itemsize();
  for (const int64_t size : sizes) bytes *= static_cast<size_t>(size);
  if (!options.device().is_cpu() || bytes < kLarge) return at::empty(sizes, options);
  return at::Tensor(at::detail::empty_generic(sizes, &Pool::instance(), c10::DispatchKeySet(c10::DispatchKey::CPU),
                                              options.dtype().toScalarType(), std::nullopt));
}

at::Tensor recycled_reshape(const at::Tensor& x, at::IntArrayRef sizes) {
  if (at::GradMode::is_enabled() || at::detail::computeStride(x.sizes(), x.strides(), sizes)) return x.reshape(sizes);
  const at::Tensor result = recycled(x.sizes(), x.options());
  result.copy_(x);
  return result.view(sizes);
}

at::Tensor recycled_cat(at::TensorList parts, int64_t axis) {
  if (at::GradMode::is_enabled()) return at::cat(parts, axis);
  std::vector<int64_t> sizes = parts.front().sizes().vec();
  for (size_t i = 1; i < parts.size(); ++i) sizes[axis] += parts[i].size(axis);
  at::Tensor result = recycled(sizes, parts.front().options());
  at::cat_out(result, parts, axis);
  return result;
}

}  // namespace nfopt::aten
