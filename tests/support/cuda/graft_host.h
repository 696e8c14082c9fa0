// Lets a processor run the text of a CUDA kernel: one fiber for each thread of a block, blocks one
// after the other. At a barrier a fiber waits until all of its block (or warp) have come there.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

#define __device__
#define __global__
#define __shared__ static
#define __launch_bounds__(...)
#define __forceinline__ inline

struct dim { unsigned int x, y, z; };
static dim threadIdx, blockIdx, blockDim, gridDim;

static inline float __uint_as_float(unsigned int bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline unsigned int __float_as_uint(float x) { unsigned int b; memcpy(&b, &x, 4); return b; }
static inline unsigned int __umulhi(unsigned int a, unsigned int b) {
  return (unsigned int)((unsigned long long)a * b >> 32);
}
static inline float half_to_float(unsigned short bits) {
  _Float16 x; memcpy(&x, &bits, 2); return (float)x;
}
static inline unsigned short float_to_half(float x) {
  _Float16 y = (_Float16)x; unsigned short bits; memcpy(&bits, &y, 2); return bits;
}
static inline unsigned short double_to_half(double x) {
  _Float16 y = (_Float16)x; unsigned short bits; memcpy(&bits, &y, 2); return bits;
}

namespace host {
const int MOST = 1024, STACK = 32768;
enum State { READY, AT_BARRIER, AT_WARP, DONE };
struct Fiber { ucontext_t context; State state; dim place; int line; };
static Fiber fibers[MOST];
static char* stacks;
static ucontext_t scheduler;
static int count, now;
static unsigned long long slots[MOST];
static void (*entry)(void**);
static void** arguments;
static const char* failure;

static void wait(State state, int line) {
  fibers[now].state = state;
  fibers[now].line = line;
  swapcontext(&fibers[now].context, &scheduler);
}
static void start() { entry(arguments); fibers[now].state = DONE; }

// Lets those go on that have all met; returns whether any could.
static bool release(int from, int to, State state) {
  int line = -1;
  for (int i = from; i < to; ++i) {
    if (fibers[i].state != state) return false;
    if (line >= 0 && fibers[i].line != line) { failure = "threads wait at different barriers"; return false; }
    line = fibers[i].line;
  }
  for (int i = from; i < to; ++i) fibers[i].state = READY;
  return true;
}

static void block(bool backwards) {
  for (int i = 0; i < count; ++i) {
    getcontext(&fibers[i].context);
    fibers[i].context.uc_stack.ss_sp = stacks + (size_t)i * STACK;
    fibers[i].context.uc_stack.ss_size = STACK;
    fibers[i].context.uc_link = &scheduler;
    fibers[i].state = READY;
    fibers[i].place = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    makecontext(&fibers[i].context, start, 0);
  }
  for (;;) {
    bool ran = false;
    int done = 0;
    for (int k = 0; k < count; ++k) {
      now = backwards ? count - 1 - k : k;
      if (fibers[now].state == DONE) { ++done; continue; }
      if (fibers[now].state != READY) continue;
      threadIdx = fibers[now].place;
      swapcontext(&scheduler, &fibers[now].context);
      ran = true;
    }
    if (done == count) return;
    if (ran) continue;
    bool freed = release(0, count, AT_BARRIER);
    for (int w = 0; w < count && !freed && !failure; w += 32) {
      int end = w + 32 < count ? w + 32 : count;
      if (fibers[w].state == AT_WARP) freed = release(w, end, AT_WARP) || freed;
    }
    for (int w = 0; w < count; w += 32) {  // the other warps that have met
      int end = w + 32 < count ? w + 32 : count;
      if (freed && fibers[w].state == AT_WARP) release(w, end, AT_WARP);
    }
    if (failure) return;
    if (!freed) { failure = "some threads wait at a barrier that others do not reach"; return; }
  }
}

static const char* run(void (*kernel)(void**), void** given, const unsigned int* shape,
                       bool fibered, bool backwards) {
  if (!stacks) stacks = (char*)malloc((size_t)MOST * STACK);
  entry = kernel, arguments = given, failure = nullptr;
  gridDim = {shape[0], shape[1], shape[2]};
  blockDim = {shape[3], shape[4], shape[5]};
  count = blockDim.x * blockDim.y * blockDim.z;
  unsigned long long blocks = (unsigned long long)gridDim.x * gridDim.y * gridDim.z;
  for (unsigned long long k = 0; k < blocks && !failure; ++k) {
    unsigned long long b = backwards ? blocks - 1 - k : k;
    blockIdx = {(unsigned int)(b % gridDim.x), (unsigned int)(b / gridDim.x % gridDim.y),
                (unsigned int)(b / gridDim.x / gridDim.y)};
    if (fibered) { block(backwards); continue; }
    for (int k = 0; k < count; ++k) {
      int i = backwards ? count - 1 - k : k;
      threadIdx = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
      kernel(given);
    }
  }
  return failure;
}
}  // namespace host

#define __syncthreads() host::wait(host::AT_BARRIER, __LINE__)
#define __syncwarp(...) host::wait(host::AT_WARP, __LINE__)

template <class T> static inline T host_shuffle(T x, int source) {
  int me = host::now;
  static_assert(sizeof(T) <= 8, "shuffled values have 8 bytes at most");
  memcpy(&host::slots[me], &x, sizeof(T));
  host::wait(host::AT_WARP, -2);
  T y;
  memcpy(&y, &host::slots[me / 32 * 32 + source], sizeof(T));
  host::wait(host::AT_WARP, -3);
  return y;
}
template <class T> static inline T __shfl_xor_sync(unsigned int, T x, int by) {
  return host_shuffle(x, (host::now % 32) ^ by);
}
template <class T> static inline T __shfl_sync(unsigned int, T x, int from) {
  return host_shuffle(x, from);
}
static inline unsigned int __ballot_sync(unsigned int, bool yes) {
  unsigned int found = 0;
  for (int i = 0; i < 32; ++i) found |= (host_shuffle((int)yes, i) != 0 ? 1u : 0u) << i;
  return found;
}
static inline int __popc(unsigned int x) { return __builtin_popcount(x); }
static inline int atomicAdd(int* where, int by) { int was = *where; *where += by; return was; }
