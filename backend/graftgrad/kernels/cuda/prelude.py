"""What the text of every kernel begins with: element types, mathematics, sums over threads.

16-bit numbers are bits that are widened to float, computed with and narrowed once; so no header of
CUDA is needed. Text between the marks of GRAFT_HOST is for compilers of the processor.
"""

from __future__ import annotations

from ...spec import (
    DType,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

TYPES: dict[DType, str] = {
    float32: "float",
    float64: "double",
    float16: "half",
    bfloat16: "bfloat16",
    bool_: "bool",
    int8: "signed char",
    int16: "short",
    int32: "int",
    int64: "long long",
    uint8: "unsigned char",
    uint16: "unsigned short",
    uint32: "unsigned int",
    uint64: "unsigned long long",
}


def type_of(dtype: DType) -> str:
    """Return the name of an element type in kernels."""
    return TYPES[dtype]


def real_of(dtype: DType) -> str:
    """Return the type in which elements are computed with."""
    return "float" if dtype in (float16, bfloat16) else TYPES[dtype]


TEXT = r"""
#ifdef GRAFT_HOST
#include "graft_host.h"
#else
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif

struct half { unsigned short bits; };
struct bfloat16 { unsigned short bits; };

#ifndef GRAFT_HOST
__device__ inline float half_to_float(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
__device__ inline unsigned short float_to_half(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
__device__ inline unsigned short double_to_half(double x) {
  unsigned short bits;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(bits) : "d"(x));
  return bits;
}
#endif

template <class T> struct real_type { typedef T type; };
template <> struct real_type<half> { typedef float type; };
template <> struct real_type<bfloat16> { typedef float type; };
template <class T> using real_t = typename real_type<T>::type;

template <class T> __device__ inline real_t<T> widen(T x) { return x; }
template <> __device__ inline float widen(half x) { return half_to_float(x.bits); }
template <> __device__ inline float widen(bfloat16 x) {
  return __uint_as_float((unsigned int)x.bits << 16);
}

template <class T> struct narrowed {
  template <class X> static __device__ inline T of(X x) { return (T)x; }
};
template <> struct narrowed<bool> {
  template <class X> static __device__ inline bool of(X x) { return x != 0; }
};
template <> struct narrowed<half> {
  template <class X> static __device__ inline half of(X x) {
    half y;
    y.bits = float_to_half((float)x);
    return y;
  }
  static __device__ inline half of(double x) {
    half y;
    y.bits = double_to_half(x);
    return y;
  }
};
template <> struct narrowed<bfloat16> {  // to the nearest, halves to even; NaN stays one
  template <class X> static __device__ inline bfloat16 of(X given) {
    float x = (float)given;
    unsigned int bits = __float_as_uint(x);
    bfloat16 y;
    y.bits = x != x ? 0x7fc0 : (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    return y;
  }
};
template <class T, class X> __device__ inline T narrow(X x) { return narrowed<T>::of(x); }
template <class T, class X> __device__ inline real_t<T> rounded(X x) {
  return widen(narrow<T>(x));
}

template <class T, int V> struct alignas(sizeof(T) * V) pack { T at[V]; };

__device__ inline float f_exp(float x) { return expf(x); }
__device__ inline double f_exp(double x) { return exp(x); }
__device__ inline float f_expm1(float x) { return expm1f(x); }
__device__ inline double f_expm1(double x) { return expm1(x); }
__device__ inline float f_log(float x) { return logf(x); }
__device__ inline double f_log(double x) { return log(x); }
__device__ inline float f_log1p(float x) { return log1pf(x); }
__device__ inline double f_log1p(double x) { return log1p(x); }
__device__ inline float f_tanh(float x) { return tanhf(x); }
__device__ inline double f_tanh(double x) { return tanh(x); }
__device__ inline float f_erf(float x) { return erff(x); }
__device__ inline double f_erf(double x) { return erf(x); }
__device__ inline float f_sqrt(float x) { return sqrtf(x); }
__device__ inline double f_sqrt(double x) { return sqrt(x); }
__device__ inline float f_rsqrt(float x) { return 1.0f / sqrtf(x); }
__device__ inline double f_rsqrt(double x) { return 1.0 / sqrt(x); }
__device__ inline float f_sin(float x) { return sinf(x); }
__device__ inline double f_sin(double x) { return sin(x); }
__device__ inline float f_cos(float x) { return cosf(x); }
__device__ inline double f_cos(double x) { return cos(x); }
__device__ inline float f_floor(float x) { return floorf(x); }
__device__ inline double f_floor(double x) { return floor(x); }
__device__ inline float f_fabs(float x) { return fabsf(x); }
__device__ inline double f_fabs(double x) { return fabs(x); }
template <class T> __device__ inline T f_fabs(T x) { return x < 0 ? (T)-x : x; }
__device__ inline float f_copysign(float x, float y) { return copysignf(x, y); }
__device__ inline double f_copysign(double x, double y) { return copysign(x, y); }
__device__ inline float f_fma(float a, float b, float c) { return fmaf(a, b, c); }
__device__ inline double f_fma(double a, double b, double c) { return fma(a, b, c); }
__device__ inline float f_pow(float x, float y) { return powf(x, y); }
__device__ inline double f_pow(double x, double y) { return pow(x, y); }
"""

# Reductions over the threads of a block: always in the same order, so always to the same bits.
SUMS = r"""
struct plus { template <class T> __device__ T operator()(T a, T b) const { return a + b; } };
struct times { template <class T> __device__ T operator()(T a, T b) const { return a * b; } };
struct larger {  // NaN wins
  template <class T> __device__ T operator()(T a, T b) const { return a > b || a != a ? a : b; }
};
struct smaller {
  template <class T> __device__ T operator()(T a, T b) const { return a < b || a != a ? a : b; }
};

// Joins the values of the W threads of a row, W a power of two; every one of them gets the result.
template <int W, class T, class F> __device__ inline T joined(T x, F f, T* room) {
  for (int d = (W < 32 ? W : 32) / 2; d > 0; d /= 2)
    x = f(x, __shfl_xor_sync(0xffffffffu, x, d));
  if (W > 32) {
    int warp = threadIdx.x / 32, first = threadIdx.x / W * (W / 32);
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[warp] = x;
    __syncthreads();
    x = room[first];
    for (int i = 1; i < W / 32; ++i) x = f(x, room[first + i]);
  }
  return x;
}
"""
