// Operations on lines of 64 bytes: AVX-512's instructions, or plain code that gives the same bits.
#pragma once
#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(R50_EMULATED)
#define R50_UNROLL(count)
#define R50_INLINE inline
#else
#define R50_UNROLL(count) _Pragma(R50_TEXT(GCC unroll count))
#define R50_TEXT(text) #text
#define R50_INLINE inline __attribute__((always_inline))
#endif

namespace {

#if defined(R50_EMULATED)

template <class T>
struct alignas(64) Lanes {
  T lane[64 / sizeof(T)];
};
using Bytes = Lanes<uint8_t>;
using Words = Lanes<int16_t>;
using Integers = Lanes<int32_t>;
using Floats = Lanes<float>;

template <class T, class Function>
inline Lanes<T> for_lanes(Function function) {
  Lanes<T> result;
  for (int i = 0; i < int(64 / sizeof(T)); i++) result.lane[i] = T(function(i));
  return result;
}

template <class T>
inline Lanes<T> load_lanes(const void* at) {
  Lanes<T> result;
  std::memcpy(&result, at, sizeof result);
  return result;
}
inline int saturated(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}
inline int word(int value) { return saturated(value, -32768, 32767); }

inline Bytes load_bytes(const void* at) { return load_lanes<uint8_t>(at); }
inline Words load_words(const void* at) { return load_lanes<int16_t>(at); }
inline Integers load_integers(const void* at) { return load_lanes<int32_t>(at); }
inline Floats load_floats(const void* at) { return load_lanes<float>(at); }
template <class T>
inline void store_line(void* at, const Lanes<T>& value) {
  std::memcpy(at, &value, 64);
}
inline Floats all_floats(float value) {
  return for_lanes<float>([&](int) { return value; });
}
inline void store_floats(float* at, Floats value, int count) {
  std::memcpy(at, &value, size_t(count) * sizeof(float));
}

// Both shifted right, saturated to 16 bits; within each 16 bytes four of `a`, then four of `b`.
template <int Shift>
inline Words shifted_words(Integers a, Integers b) {
  return for_lanes<int16_t>([&](int i) {
    const int from = i / 8 * 4 + i % 4;
    return word((i % 8 < 4 ? a : b).lane[from] >> Shift);
  });
}
inline Words plus(Words a, Words b) {
  return for_lanes<int16_t>([&](int i) { return word(a.lane[i] + b.lane[i]); });
}
// (a · b + 2^14) >> 15
inline Words times_rounded(Words a, Words b) {
  return for_lanes<int16_t>([&](int i) { return (a.lane[i] * b.lane[i] + 0x4000) >> 15; });
}
// Of each 16 bytes of `bytes` the first or the last eight, each · `factor` (unsigned) >> 8.
template <int Half>
inline Words scaled_half(Bytes bytes, Words factor) {
  return for_lanes<int16_t>([&](int i) {
    const uint32_t byte = bytes.lane[i / 8 * 16 + 8 * Half + i % 8];
    return (byte * uint32_t(uint16_t(factor.lane[i]))) >> 8;
  });
}
// Saturated to 0 … 255; within each 16 bytes eight of `a`, then eight of `b`.
inline Bytes packed(Words a, Words b) {
  return for_lanes<uint8_t>([&](int i) {
    return saturated((i % 16 < 8 ? a : b).lane[i / 16 * 8 + i % 8], 0, 255);
  });
}
// Stores the even eighths of the line at `even`, the odd ones at `odd`.
inline void store_eighths(void* even, void* odd, Bytes value) {
  for (int i = 0; i < 4; i++) {
    std::memcpy(static_cast<char*>(even) + 8 * i, value.lane + 16 * i, 8);
    std::memcpy(static_cast<char*>(odd) + 8 * i, value.lane + 16 * i + 8, 8);
  }
}
inline Bytes largest(Bytes a, Bytes b) {
  return for_lanes<uint8_t>([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Words largest(Words a, Words b) {
  return for_lanes<int16_t>([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}

inline Floats plus(Floats a, Floats b) {
  return for_lanes<float>([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline Floats times(Floats a, Floats b) {
  return for_lanes<float>([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline Floats times_plus(Floats a, Floats b, Floats c) {
  return for_lanes<float>([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
}
inline Floats not_negative(Floats a) {
  return for_lanes<float>([&](int i) { return a.lane[i] > 0 ? a.lane[i] : 0; });
}
inline Floats floats_of(Integers a) {
  return for_lanes<float>([&](int i) { return float(a.lane[i]); });
}
// Sixteen values of 0 … 255, as floats.
inline Floats floats_of_bytes(const void* at) {
  const auto* bytes = static_cast<const uint8_t*>(at);
  return for_lanes<float>([&](int i) { return bytes[i]; });
}
// Sixteen values from `at` on of a row of so many; 0 where there are none.
inline Floats floats_within(const float* row, int64_t at, int64_t count) {
  return for_lanes<float>([&](int i) { return 0 <= at + i && at + i < count ? row[at + i] : 0; });
}
inline int rounded_byte(float value) {
  const float within = value > -1 ? (value < 256 ? value : 256) : -1;
  return saturated(int(std::nearbyint(within)), 0, 255);
}
// Rounded to the nearest of 0 … 255, ties to even; in order.
inline Bytes bytes_of(Floats a, Floats b, Floats c, Floats d) {
  const Floats all[4] = {a, b, c, d};
  return for_lanes<uint8_t>([&](int i) { return rounded_byte(all[i / 16].lane[i % 16]); });
}
// Begins with word `Shift`.
template <int Shift>
inline Bytes rotated(Bytes a) {
  return for_lanes<uint8_t>([&](int i) { return a.lane[(i + 2 * Shift) % 64]; });
}
inline void store_half(void* at, Bytes value) { std::memcpy(at, &value, 32); }
// Thirty-two words from word `Shift`, which is even, of the first and the second on; behind the
// second the second again.
template <int Shift>
inline Words from_pair(Words first, Words second) {
  return for_lanes<int16_t>([&](int i) {
    return i + Shift < 32 ? first.lane[i + Shift] : second.lane[(i + Shift) % 32];
  });
}
inline void prefetch(const void* at) { __builtin_prefetch(at); }
// Thirty-two values rounded to the nearest of 0 … 255, ties to even.
inline void store_bytes(void* at, Floats first, Floats second) {
  auto* bytes = static_cast<uint8_t*>(at);
  for (int i = 0; i < 32; i++)
    bytes[i] = uint8_t(rounded_byte(i < 16 ? first.lane[i] : second.lane[i - 16]));
}
// Sixteen bfloat16, as floats.
inline Floats floats_of_bfloats(const void* at) {
  uint16_t halves[16];
  std::memcpy(halves, at, sizeof halves);
  Floats result;
  for (int i = 0; i < 16; i++) {
    const uint32_t bits = uint32_t(halves[i]) << 16;
    std::memcpy(&result.lane[i], &bits, 4);
  }
  return result;
}
// To bfloat16: nearest, ties to even; denormals to zero.
inline uint16_t bfloat_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return uint16_t((bits >> 16) | 0x40);
  if (magnitude < 0x00800000) return uint16_t((bits >> 16) & 0x8000);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
inline Words bfloats(Floats first, Floats second) {
  return for_lanes<int16_t>([&](int i) {
    return int16_t(bfloat_of(i < 16 ? first.lane[i] : second.lane[i - 16]));
  });
}
inline void store_bfloats(void* at, Floats a) {
  uint16_t halves[16];
  for (int i = 0; i < 16; i++) halves[i] = bfloat_of(a.lane[i]);
  std::memcpy(at, halves, sizeof halves);
}
inline Words no_words() { return Words{}; }

#else

struct Bytes {
  __m512i line;
};
struct Words {
  __m512i line;
};
struct Integers {
  __m512i line;
};
using Floats = __m512;

R50_INLINE Bytes load_bytes(const void* at) { return {_mm512_loadu_si512(at)}; }
R50_INLINE Words load_words(const void* at) { return {_mm512_loadu_si512(at)}; }
R50_INLINE Integers load_integers(const void* at) { return {_mm512_loadu_si512(at)}; }
R50_INLINE Floats load_floats(const void* at) { return _mm512_loadu_ps(at); }
R50_INLINE void store_line(void* at, Bytes value) { _mm512_storeu_si512(at, value.line); }
R50_INLINE void store_line(void* at, Words value) { _mm512_storeu_si512(at, value.line); }
R50_INLINE void store_line(void* at, Floats value) { _mm512_storeu_ps(at, value); }
R50_INLINE Floats all_floats(float value) { return _mm512_set1_ps(value); }
R50_INLINE void store_floats(float* at, Floats value, int count) {
  _mm512_mask_storeu_ps(at, __mmask16((1u << count) - 1), value);
}

// Both shifted right, saturated to 16 bits; within each 16 bytes four of `a`, then four of `b`.
template <int Shift>
R50_INLINE Words shifted_words(Integers a, Integers b) {
  return {_mm512_packs_epi32(_mm512_srai_epi32(a.line, Shift), _mm512_srai_epi32(b.line, Shift))};
}
R50_INLINE Words plus(Words a, Words b) { return {_mm512_adds_epi16(a.line, b.line)}; }
// (a · b + 2^14) >> 15
R50_INLINE Words times_rounded(Words a, Words b) {
  return {_mm512_mulhrs_epi16(a.line, b.line)};
}
// Of each 16 bytes of `bytes` the first or the last eight, each · `factor` (unsigned) >> 8.
template <int Half>
R50_INLINE Words scaled_half(Bytes bytes, Words factor) {
  const __m512i none = _mm512_setzero_si512();
  const __m512i words = Half ? _mm512_unpackhi_epi8(none, bytes.line)
                             : _mm512_unpacklo_epi8(none, bytes.line);
  return {_mm512_mulhi_epu16(words, factor.line)};
}
// Saturated to 0 … 255; within each 16 bytes eight of `a`, then eight of `b`.
R50_INLINE Bytes packed(Words a, Words b) { return {_mm512_packus_epi16(a.line, b.line)}; }
// Stores the even eighths of the line at `even`, the odd ones at `odd`.
R50_INLINE void store_eighths(void* even, void* odd, Bytes value) {
  const __m512i order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
  const __m512i sorted = _mm512_permutexvar_epi64(order, value.line);
  _mm256_storeu_si256(static_cast<__m256i*>(even), _mm512_castsi512_si256(sorted));
  _mm256_storeu_si256(static_cast<__m256i*>(odd), _mm512_extracti64x4_epi64(sorted, 1));
}
R50_INLINE Bytes largest(Bytes a, Bytes b) { return {_mm512_max_epu8(a.line, b.line)}; }
R50_INLINE Words largest(Words a, Words b) { return {_mm512_max_epi16(a.line, b.line)}; }

R50_INLINE Floats plus(Floats a, Floats b) { return _mm512_add_ps(a, b); }
R50_INLINE Floats times(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
R50_INLINE Floats times_plus(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
R50_INLINE Floats not_negative(Floats a) { return _mm512_max_ps(a, _mm512_setzero_ps()); }
R50_INLINE Floats floats_of(Integers a) { return _mm512_cvtepi32_ps(a.line); }
// Sixteen values of 0 … 255, as floats.
R50_INLINE Floats floats_of_bytes(const void* at) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(at))));
}
// Sixteen values from `at` on of a row of so many; 0 where there are none.
R50_INLINE Floats floats_within(const float* row, int64_t at, int64_t count) {
  if (at >= 0 && at + 16 <= count) return _mm512_loadu_ps(row + at);
  const auto bits = [](int64_t lanes) {  // the first so many lanes
    return lanes <= 0 ? 0u : lanes >= 16 ? 0xFFFFu : (1u << lanes) - 1;
  };
  return _mm512_maskz_loadu_ps(__mmask16(bits(count - at) & ~bits(-at)), row + at);
}
// Rounded to the nearest of 0 … 255, ties to even; in order.
R50_INLINE Bytes bytes_of(Floats a, Floats b, Floats c, Floats d) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i first = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
  const __m512i second = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
  return {_mm512_permutexvar_epi32(order, _mm512_packus_epi16(first, second))};
}
template <int Shift>
constexpr auto kRotation = [] {
  struct alignas(64) {
    int16_t word[32];
  } order{};
  for (int i = 0; i < 32; i++) order.word[i] = int16_t((i + Shift) % 32);
  return order;
}();
// Begins with word `Shift`.
template <int Shift>
R50_INLINE Bytes rotated(Bytes a) {
  return {_mm512_permutexvar_epi16(_mm512_load_si512(&kRotation<Shift>), a.line)};
}
R50_INLINE void store_half(void* at, Bytes value) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), _mm512_castsi512_si256(value.line));
}
// Thirty-two words from word `Shift`, which is even, of the first and the second on; behind the
// second the second again.
template <int Shift>
R50_INLINE Words from_pair(Words first, Words second) {
  if constexpr (Shift < 32)
    return {_mm512_alignr_epi32(second.line, first.line, Shift / 2)};
  else
    return {_mm512_alignr_epi32(second.line, second.line, Shift / 2 - 16)};
}
R50_INLINE void prefetch(const void* at) { _mm_prefetch(at, _MM_HINT_T1); }
// Thirty-two values rounded to the nearest of 0 … 255, ties to even.
R50_INLINE void store_bytes(void* at, Floats first, Floats second) {
  const __m512i order = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
  const __m512i words = _mm512_permutexvar_epi64(
      order, _mm512_packs_epi32(_mm512_cvtps_epi32(first), _mm512_cvtps_epi32(second)));
  const __m512i bytes = _mm512_max_epi16(words, _mm512_setzero_si512());
  _mm256_storeu_si256(static_cast<__m256i*>(at), _mm512_cvtusepi16_epi8(bytes));
}
#if !defined(R50_INT8)
// Sixteen bfloat16, as floats.
R50_INLINE Floats floats_of_bfloats(const void* at) {
  const __m256i halves = _mm256_loadu_si256(static_cast<const __m256i*>(at));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
// To bfloat16: nearest, ties to even; denormals to zero.
R50_INLINE Words bfloats(Floats first, Floats second) {
  return {(__m512i)_mm512_cvtne2ps_pbh(second, first)};
}
R50_INLINE void store_bfloats(void* at, Floats a) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), (__m256i)_mm512_cvtneps_pbh(a));
}
#endif
R50_INLINE Words no_words() { return {_mm512_setzero_si512()}; }

#endif

}  // namespace
