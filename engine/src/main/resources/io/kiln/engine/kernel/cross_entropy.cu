// Cross entropy over rows of 16-bit logits: the loss of each row, and its gradient by the logits,
// which takes their place. A block of threads a row; sums in fp32; the row is read twice (the second
// time from the L2 cache) and written once, where autograd's operators pass over it a dozen times
// and keep it in fp32.
//
// Compiled with HALF = 1 for fp16, 0 for bf16, and THREADS = threads of a block. No headers: the
// machine that compiles this may have NVRTC alone.

typedef unsigned short u16;
typedef unsigned int u32;

static __device__ __forceinline__ float widen(u16 x) {
#if HALF
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
#else
  return __uint_as_float((u32)x << 16);
#endif
}

// To the nearest, ties to even.
static __device__ __forceinline__ u32 narrow(float x) {
#if HALF
  u16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
#else
  u32 bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0x7fffu; // not a number stays none
  }
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
#endif
}

static const int VECTOR = 8;
static const float LOWEST = -3.402823466e38f;

// Greatest value, and the sum of exp(value - greatest).
struct Sum {
  float top;
  float sum;
};

static __device__ __forceinline__ Sum join(Sum a, Sum b) {
  Sum both;
  both.top = fmaxf(a.top, b.top);
  both.sum = a.sum * expf(a.top - both.top) + b.sum * expf(b.top - both.top);
  return both;
}

static __device__ __forceinline__ Sum joinWarp(Sum own) {
  for (int offset = 16; offset > 0; offset /= 2) {
    Sum other;
    other.top = __shfl_xor_sync(0xffffffffu, own.top, offset);
    other.sum = __shfl_xor_sync(0xffffffffu, own.sum, offset);
    own = join(own, other);
  }
  return own;
}

static __device__ __forceinline__ void unpack(uint4 packed, float* values) {
  u32 words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    values[2 * i] = widen((u16)(words[i] & 0xffffu));
    values[2 * i + 1] = widen((u16)(words[i] >> 16));
  }
}

// logits   [rows, pitch], of which the first `classes` columns count; the others' gradient is 0
// targets  [rows]; a row whose target is `ignored` has loss and gradient 0, one whose target is no
//          class has the loss NaN
// losses   [rows], in nats
// factor   what the gradient is multiplied by
extern "C" __global__ void __launch_bounds__(THREADS)
    crossEntropy(u16* __restrict__ logits, const long long* __restrict__ targets,
                 float* __restrict__ losses, long long pitch, long long classes,
                 long long ignored, float factor) {
  __shared__ Sum sums[32];
  u16* row = logits + blockIdx.x * pitch;
  uint4* line = reinterpret_cast<uint4*>(row);
  int vectors = (int)(pitch / VECTOR);
  int valid = (int)classes;
  long long target = targets[blockIdx.x];

  if (target == ignored) {
    for (int v = threadIdx.x; v < vectors; v += THREADS) {
      line[v] = make_uint4(0, 0, 0, 0);
    }
    if (threadIdx.x == 0) {
      losses[blockIdx.x] = 0;
    }
    return;
  }

  float scored = 0;
  if (threadIdx.x == 0) {
    scored = target >= 0 && target < classes ? widen(row[target]) : __uint_as_float(0x7fc00000u);
  }

  Sum own = {LOWEST, 0};
#pragma unroll 2
  for (int v = threadIdx.x; v < vectors; v += THREADS) {
    float values[VECTOR];
    unpack(line[v], values);
    if (v * VECTOR + VECTOR > valid) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        if (v * VECTOR + i >= valid) {
          values[i] = -__uint_as_float(0x7f800000u);
        }
      }
    }
    float top = own.top;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      top = fmaxf(top, values[i]);
    }
    float sum = own.sum * expf(own.top - top);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      sum += expf(values[i] - top);
    }
    own.top = top;
    own.sum = sum;
  }

  own = joinWarp(own);
  if (threadIdx.x % 32 == 0) {
    sums[threadIdx.x / 32] = own;
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    Sum mine = {LOWEST, 0};
    if (threadIdx.x < THREADS / 32) {
      mine = sums[threadIdx.x];
    }
    mine = joinWarp(mine);
    if (threadIdx.x == 0) {
      sums[0] = mine;
    }
  }
  __syncthreads();
  float top = sums[0].top;
  float share = factor / sums[0].sum;
  if (threadIdx.x == 0) {
    losses[blockIdx.x] = logf(sums[0].sum) + top - scored;
  }

#pragma unroll 2
  for (int v = threadIdx.x; v < vectors; v += THREADS) {
    float values[VECTOR];
    unpack(line[v], values);
    u32 halves[VECTOR];
#pragma unroll
    for (int i = 0; i < VECTOR; i++) {
      int column = v * VECTOR + i;
      float gradient = expf(values[i] - top) * share;
      if (column == target) {
        gradient -= factor;
      }
      halves[i] = column < valid ? narrow(gradient) : 0u;
    }
    line[v] = make_uint4(halves[0] | halves[1] << 16, halves[2] | halves[3] << 16,
                         halves[4] | halves[5] << 16, halves[6] | halves[7] << 16);
  }
}
