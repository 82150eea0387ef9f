#pragma once

#include <cstdint>

namespace nfopt::cpu {

/// A product of channels over the positions of a matrix, which starts from what is broadcast along its rows and columns:
///
///   y[o, i, j] = sum_k m[o, k] x[k, i, j] + along_columns[o, i] + along_rows[o, j] + (accumulate ? y[o, i, j] : 0)
///
/// One pass over x and y, where a broadcast and a product of a BLAS library would be two. For few channels: the matrix
/// and a tile of x have to stay in the first cache; with more of them BLAS libraries are faster. Positions j stand side
/// by side in x, y and along_rows.
template <class T>
struct ChannelProduct {
  int64_t outputs = 0;
  int64_t inputs = 0;
  int64_t columns = 0;
  const T* x = nullptr;
  int64_t x_channel = 0;
  int64_t x_row = 0;
  T* y = nullptr;
  int64_t y_channel = 0;
  int64_t y_row = 0;
  const T* along_columns = nullptr;  ///< null: nothing
  int64_t along_columns_channel = 0;
  int64_t along_columns_row = 0;
  const T* along_rows = nullptr;  ///< null: nothing
  int64_t along_rows_channel = 0;
  bool accumulate = false;
};

inline constexpr int64_t kMostProductInputs = 128;

/// Numbers in a matrix as the product reads it, and that matrix from m[o * row + k * column].
int64_t packed_size(int64_t outputs, int64_t inputs);
template <class T>
void pack(const T* m, int64_t outputs, int64_t inputs, int64_t row, int64_t column, double scale, T* packed);

/// Rows [first, last) of the positions. [any-thread] T: float, double.
template <class T>
void multiply_rows(const ChannelProduct<T>& product, const T* packed, int64_t first, int64_t last);

/// The sums of a matrix along both axes in one pass over it: of every row, and of every column.
template <class T>
void sum_both(const T* x, int64_t rows, int64_t columns, int64_t row_stride, T* of_rows, T* of_columns);

/// to[i * to_stride + j] = scale * from[i + j * from_stride]
void copy_transposed(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float scale, float* to,
                     int64_t to_stride);

}  // namespace nfopt::cpu
