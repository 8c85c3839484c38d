// Prints of each instruction that the program of the peak times and this compiler knows: its name,
// the products that one of it really adds up (all operands are ones), and those it is counted for.
//
//   g++ -std=c++17 -march=native -DPROGRAM='"…/peak_kernel.cpp"' peak_instructions.cpp -pthread
#define main main_of_the_program
#include PROGRAM
#undef main

namespace {

double work_of(const char* name) {
  for (const Test& test : kTests)
    if (strcmp(test.name, name) == 0) return test.work;
  return 0;
}

template <typename Lane, typename Instruction>
void report(const char* name, int sums) {
  typename Instruction::Vector one = Instruction::one(), sum = Instruction::zero();
  KEEP(one);
  KEEP(sum);
  sum = Instruction::more(sum, one);
  KEEP(sum);
  Lane lanes[sizeof(sum) / sizeof(Lane)];
  memcpy(lanes, &sum, sizeof(sum));
  double products = 0;
  for (Lane lane : lanes) products += lane;
  printf("%s %g %g\n", name, products, work_of(name) / (2.0 * kSteps * sums));
}

}  // namespace

int main() {
#if defined(__AVX512F__)
  report<float, Fma512>("fma_512", 24);
#endif
#if defined(__AVX512BF16__)
  report<float, Vdpbf16ps512>("vdpbf16ps_512", 24);
#endif
#if defined(__AVX512VNNI__)
  report<int32_t, Vpdpbusd512>("vpdpbusd_512", 24);
#endif
#if defined(__FMA__)
  report<float, Fma256>("fma_256", 12);
#endif
#if defined(__AVXVNNI__)
  report<int32_t, Vpdpbusd256>("vpdpbusd_256", 12);
#endif
#if defined(__aarch64__)
  report<float, Fmla128>("fmla_128", 24);
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  report<float, Bfmmla128>("bfmmla_128", 24);
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
  report<int32_t, Smmla128>("smmla_128", 24);
#endif
#if defined(__ARM_FEATURE_DOTPROD)
  report<int32_t, Sdot128>("sdot_128", 24);
#endif
#endif
}
