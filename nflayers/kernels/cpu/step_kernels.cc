#include <nfopt/nflayers/kernels/cpu/instruction_sets.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>

#include <algorithm>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nfopt/nflayers/kernels/cpu/step_kernels.cc"
// clang-format off
#include <hwy/foreach_target.h>  // before all that is compiled once per instruction set
#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/accumulate_pass-inl.h>
#include <nfopt/nflayers/kernels/cpu/apply_pass-inl.h>
#include <nfopt/nflayers/kernels/cpu/hidden_pass-inl.h>
#include <nfopt/nflayers/kernels/cpu/mix_pass-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

// Functions without template arguments, for the table of instruction sets.
void accumulate_float(const StepShape& s, const StepMember<float>& m, int64_t t, int64_t b, double* q) {
  accumulate_block(s, m, t, b, q);
}
void accumulate_double(const StepShape& s, const StepMember<double>& m, int64_t t, int64_t b, double* q) {
  accumulate_block(s, m, t, b, q);
}
void hidden_float(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c, float* p) {
  hidden_chunk(s, m, v, c, p);
}
void hidden_double(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c, double* p) {
  hidden_chunk(s, m, v, c, p);
}
void mix_float(const StepShape& s, const StepMember<float>& m) { mix_member(s, m); }
void mix_double(const StepShape& s, const StepMember<double>& m) { mix_member(s, m); }
void apply_float(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c) { apply_chunk(s, m, v, c); }
void apply_double(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c) { apply_chunk(s, m, v, c); }

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt::cpu {

RowRange partial_rows(const MixView& view, const SummedHalf& half, int64_t chunk) {
  const ElementLoops& loops = view.loops;
  if (half.map.strides.empty() || half.map.strides.front() == 0) return {0, half.rows};
  const int64_t each = loops.count / loops.sizes.front(), end = std::min(loops.count, (chunk + 1) * view.chunk);
  const int64_t first = chunk * view.chunk / each, last = (end - 1) / each;
  return {first * half.map.strides.front(), (last + 1 - first) * half.map.strides.front()};
}

HWY_EXPORT(accumulate_float);
HWY_EXPORT(accumulate_double);
HWY_EXPORT(hidden_float);
HWY_EXPORT(hidden_double);
HWY_EXPORT(mix_float);
HWY_EXPORT(mix_double);
HWY_EXPORT(apply_float);
HWY_EXPORT(apply_double);

template <>
void accumulate(const StepShape& s, const StepMember<float>& m, int64_t t, int64_t b, double* q) {
  HWY_DYNAMIC_DISPATCH(accumulate_float)(s, m, t, b, q);
}
template <>
void accumulate(const StepShape& s, const StepMember<double>& m, int64_t t, int64_t b, double* q) {
  HWY_DYNAMIC_DISPATCH(accumulate_double)(s, m, t, b, q);
}
template <>
void hidden(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c, float* p) {
  HWY_DYNAMIC_DISPATCH(hidden_float)(s, m, v, c, p);
}
template <>
void hidden(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c, double* p) {
  HWY_DYNAMIC_DISPATCH(hidden_double)(s, m, v, c, p);
}
template <>
void mix(const StepShape& s, const StepMember<float>& m) {
  HWY_DYNAMIC_DISPATCH(mix_float)(s, m);
}
template <>
void mix(const StepShape& s, const StepMember<double>& m) {
  HWY_DYNAMIC_DISPATCH(mix_double)(s, m);
}
template <>
void apply(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c) {
  HWY_DYNAMIC_DISPATCH(apply_float)(s, m, v, c);
}
template <>
void apply(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c) {
  HWY_DYNAMIC_DISPATCH(apply_double)(s, m, v, c);
}

}  // namespace nfopt::cpu
#endif
