#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace nfopt::cuda {

/// One block reads this many neighbouring elements of one tensor: the tree of a sum depends on the tensor's size alone.
inline constexpr int64_t kChunk = 4096;
/// Pointers travel as an argument of the kernel, at most 4 KB: no copy to the device that a graph would have to repeat.
inline constexpr int kTensorsPerLaunch = 64;
inline constexpr int kMostDecays = 16;

enum class Number : uint8_t { float32, bfloat16 };

struct MomentumTensor {
  const void* parameter;  ///< [P, n]
  const void* gradient;   ///< [P, n]
  int64_t numel;          ///< n
  int64_t offset;         ///< of its first element in the N elements of the state
  int64_t first_chunk;    ///< chunks of all tensors before it
};

inline int64_t chunks_of(int64_t numel) { return (numel + kChunk - 1) / kChunk; }

/// Up to 64 tensors of a list.
struct MomentumLaunch {
  MomentumTensor tensors[kTensorsPerLaunch];
  int64_t members;             ///< P
  int64_t total;               ///< N
  int64_t all_tensors;         ///< T of the whole list
  int64_t all_chunks;          ///< of the whole list
  int64_t first_tensor;        ///< place of tensors[0] in the list
  const float* momenta;        ///< [P, K, N]
  float* new_momenta;          ///< [P, K, N], another buffer
  double* chunk_sums;          ///< [P, all_chunks]
  float* sums_of_squares;      ///< [P, T]
  float weights[kMostDecays];  ///< 1 - a_k
  float clip;
  int tensor_count;
  int decay_count;  ///< K
  Number parameter_type;
  Number gradient_type;
};
static_assert(sizeof(MomentumLaunch) <= 4096, "the arguments of a kernel");

/// Queues the work on `stream`. The caller asks cudaGetLastError.
void accumulate_momenta(const MomentumLaunch& launch, cudaStream_t stream);

}  // namespace nfopt::cuda
