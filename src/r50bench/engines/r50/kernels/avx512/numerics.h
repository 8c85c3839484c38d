// One numerics' arithmetic on registers of 16: chosen by -DR50_FP32, -DR50_BF16 or -DR50_INT8.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace {

#if defined(R50_INT8)
using Value = uint8_t;
using Weight = int8_t;
using Sum = __m512i;
constexpr int kGroup = 4;
inline Sum start(__m512) { return _mm512_setzero_si512(); }
inline Sum dot(Sum sum, __m512i pixel, __m512i weights) {
  // As assembly: g++ 12 spills the accumulators around its own intrinsic.
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(pixel), "v"(weights));
  return sum;
}
inline __m512 scaled(Sum sum, __m512 scale, __m512 bias) {
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, bias);
}
inline void load(const Value* at, __m512 (&half)[2]) {
  const __m512i words =
      _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  const __m512i none = _mm512_setzero_si512();
  half[0] = _mm512_cvtepi32_ps(_mm512_unpacklo_epi16(words, none));
  half[1] = _mm512_cvtepi32_ps(_mm512_unpackhi_epi16(words, none));
}
inline __m512 plus(__m512 sum, __m512 residual, __m512 scale) {
  return _mm512_fmadd_ps(residual, scale, sum);
}
// Both packings cut off at their type's ends; what is below zero becomes zero.
inline void store(Value* at, __m512 first, __m512 second, __m512) {
  const __m512i words =
      _mm512_packus_epi32(_mm512_cvtps_epi32(first), _mm512_cvtps_epi32(second));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_cvtusepi16_epi8(words));
}
inline __m512i largest(__m512i a, __m512i b) { return _mm512_max_epu8(a, b); }
#else
using Sum = __m512;
inline Sum start(__m512 bias) { return bias; }
inline __m512 scaled(Sum sum, __m512, __m512) { return sum; }
inline __m512 plus(__m512 sum, __m512 residual, __m512) { return _mm512_add_ps(sum, residual); }
#if defined(R50_BF16)
using Value = uint16_t;
using Weight = uint16_t;
constexpr int kGroup = 2;
inline Sum dot(Sum sum, __m512i pixel, __m512i weights) {
  return _mm512_dpbf16_ps(sum, (__m512bh)pixel, (__m512bh)weights);
}
inline void load(const Value* at, __m512 (&half)[2]) {
  for (int i = 0; i < 2; i++) {
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 16 * i));
    half[i] = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
  }
}
inline void store(Value* at, __m512 first, __m512 second, __m512 low) {
  _mm512_storeu_si512(at, (__m512i)_mm512_cvtne2ps_pbh(_mm512_max_ps(second, low),
                                                       _mm512_max_ps(first, low)));
}
inline __m512i largest(__m512i a, __m512i b) { return _mm512_max_epu16(a, b); }
#else
using Value = float;
using Weight = float;
constexpr int kGroup = 1;
inline Sum dot(Sum sum, __m512i pixel, __m512i weights) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(pixel), _mm512_castsi512_ps(weights), sum);
}
inline void load(const Value* at, __m512 (&half)[2]) {
  half[0] = _mm512_loadu_ps(at);
  half[1] = _mm512_loadu_ps(at + 16);
}
inline void store(Value* at, __m512 first, __m512 second, __m512 low) {
  _mm512_storeu_ps(at, _mm512_max_ps(first, low));
  _mm512_storeu_ps(at + 16, _mm512_max_ps(second, low));
}
inline __m512i largest(__m512i a, __m512i b) { return _mm512_max_epu32(a, b); }
#endif
#endif

constexpr int kPanel = 32;  // output channels, in two registers

// Which channels the two registers of a panel hold: in int8 those that packing puts in order again.
#if defined(R50_INT8)
alignas(64) constexpr int32_t kOrder[] = {0, 1, 2, 3, 8,  9,  10, 11, 16, 17, 18, 19, 24, 25, 26, 27,
                                          4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31};
#else
alignas(64) constexpr int32_t kOrder[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                          11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                          22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
#endif

}  // namespace
