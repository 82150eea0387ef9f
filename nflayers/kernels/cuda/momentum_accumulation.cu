// Momenta and whole-tensor sums of squares in one pass over parameters, gradients and state: every number is read once
// and every momentum written once. The sums are trees of fixed shape, element -> thread -> block -> tensor, without
// atomics: equal inputs give equal bits on any GPU of one architecture, in any order of execution.

#include <cuda_bf16.h>
#include <nfopt/nflayers/kernels/cuda/momentum_launch.h>

namespace nfopt::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = 4;             // of a thread in flight at once
constexpr int64_t kMostBlocksY = 65535;  // of the grid's second axis, the members

__device__ float real(float x) { return x; }
__device__ float real(__nv_bfloat16 x) { return __bfloat162float(x); }

// Comparisons, not fminf and fmaxf: those drop NaN, and a NaN must reach whoever looks for it.
__device__ float clipped_square(float x, float clip) {
  const float y = x < -clip ? -clip : (x > clip ? clip : x);
  return y * y;
}

// at::lerp's two forms: each is exact at its end.
__device__ float lerp(float from, float to, float weight) {
  return weight < 0.5f ? from + weight * (to - from) : to - (to - from) * (1 - weight);
}

// The sum over the block, in thread 0.
template <class T>
__device__ T block_sum(T value, T* shared) {
  shared[threadIdx.x] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const T sum = shared[0];
  __syncthreads();  // the next member's sums go to the same place
  return sum;
}

// The last tensor that begins at or before the chunk; empty tensors share their first chunk with the next one.
__device__ int tensor_of(const MomentumLaunch& launch, int64_t chunk) {
  int low = 0;
  int high = launch.tensor_count - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (launch.tensors[middle].first_chunk <= chunk)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

// One block per chunk (x) and member (y).
template <class P, class G>
__global__ void __launch_bounds__(kThreads) accumulate_chunks(const __grid_constant__ MomentumLaunch launch) {
  __shared__ float shared[kThreads];
  const int64_t chunk = launch.tensors[0].first_chunk + blockIdx.x;
  const MomentumTensor& tensor = launch.tensors[tensor_of(launch, chunk)];
  const int64_t begin = (chunk - tensor.first_chunk) * kChunk;
  const int64_t end = begin + kChunk < tensor.numel ? begin + kChunk : tensor.numel;

  for (int64_t member = blockIdx.y; member < launch.members; member += gridDim.y) {
    const P* __restrict__ parameter = static_cast<const P*>(tensor.parameter) + member * tensor.numel;
    const G* __restrict__ gradient = static_cast<const G*>(tensor.gradient) + member * tensor.numel;
    float sum = 0;
    for (int64_t first = begin + threadIdx.x; first < end; first += kThreads * kElements) {
      float g[kElements];
#pragma unroll
      for (int e = 0; e < kElements; ++e) {
        const int64_t i = first + e * kThreads;
        g[e] = 0;
        if (i < end) {
          g[e] = real(gradient[i]);
          sum += clipped_square(real(parameter[i]), launch.clip) + clipped_square(g[e], launch.clip);
        }
      }
      for (int k = 0; k < launch.decay_count; ++k) {
        const int64_t row = (member * launch.decay_count + k) * launch.total + tensor.offset;
        const float* __restrict__ old_row = launch.momenta + row;
        float* __restrict__ new_row = launch.new_momenta + row;
        float m[kElements];
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
          const int64_t i = first + e * kThreads;
          m[e] = i < end ? lerp(old_row[i], g[e], launch.weights[k]) : 0;
        }
#pragma unroll
        for (int e = 0; e < kElements; ++e) {
          const int64_t i = first + e * kThreads;
          if (i < end) new_row[i] = m[e];
          sum += clipped_square(m[e], launch.clip);
        }
      }
    }
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) launch.chunk_sums[member * launch.all_chunks + chunk] = sum;
  }
}

// One block per tensor (x) and member (y). In double: a large tensor has many chunks.
__global__ void __launch_bounds__(kThreads) add_chunks(const __grid_constant__ MomentumLaunch launch) {
  __shared__ double shared[kThreads];
  const MomentumTensor& tensor = launch.tensors[blockIdx.x];
  const int64_t chunks = (tensor.numel + kChunk - 1) / kChunk;
  for (int64_t member = blockIdx.y; member < launch.members; member += gridDim.y) {
    const double* sums = launch.chunk_sums + member * launch.all_chunks + tensor.first_chunk;
    double sum = 0;
    for (int64_t chunk = threadIdx.x; chunk < chunks; chunk += kThreads) sum += sums[chunk];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0)
      launch.sums_of_squares[member * launch.all_tensors + launch.first_tensor + blockIdx.x] = static_cast<float>(sum);
  }
}

}  // namespace

void accumulate_momenta(const MomentumLaunch& launch, cudaStream_t stream) {
  const MomentumTensor& last = launch.tensors[launch.tensor_count - 1];
  const int64_t chunks = last.first_chunk + chunks_of(last.numel) - launch.tensors[0].first_chunk;
  const auto members = static_cast<unsigned>(launch.members < kMostBlocksY ? launch.members : kMostBlocksY);
  const dim3 chunk_grid(static_cast<unsigned>(chunks), members);
  const dim3 tensor_grid(static_cast<unsigned>(launch.tensor_count), members);
  if (chunks > 0) {  // a grid may not be empty
    const bool half_parameter = launch.parameter_type == Number::bfloat16;
    const bool half_gradient = launch.gradient_type == Number::bfloat16;
    if (half_parameter && half_gradient)
      accumulate_chunks<__nv_bfloat16, __nv_bfloat16><<<chunk_grid, kThreads, 0, stream>>>(launch);
    else if (half_parameter)
      accumulate_chunks<__nv_bfloat16, float><<<chunk_grid, kThreads, 0, stream>>>(launch);
    else if (half_gradient)
      accumulate_chunks<float, __nv_bfloat16><<<chunk_grid, kThreads, 0, stream>>>(launch);
    else
      accumulate_chunks<float, float><<<chunk_grid, kThreads, 0, stream>>>(launch);
  }
  add_chunks<<<tensor_grid, kThreads, 0, stream>>>(launch);
}

}  // namespace nfopt::cuda
