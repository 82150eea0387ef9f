#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace nfopt::cpu {

/// Memory of one piece of work, which the next one on the same thread uses again: one at a time.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t numbers) : next_(of_thread(numbers)) {}
  T* take(int64_t numbers) { return std::exchange(next_, next_ + numbers); }

 private:
  struct Block {
    ~Block() { ::operator delete(data, std::align_val_t(64)); }
    T* data = nullptr;
    int64_t size = 0;
  };
  static T* of_thread(int64_t numbers) {
    thread_local Block block;
    if (block.size < numbers) {
      block.size = 0;
      ::operator delete(std::exchange(block.data, nullptr), std::align_val_t(64));
      block.data = static_cast<T*>(::operator new(numbers * sizeof(T), std::align_val_t(64)));
      block.size = numbers;
      std::fill(block.data, block.data + numbers, T(0));
    }
    return block.data;
  }

  T* next_;
};

}  // namespace nfopt::cpu
