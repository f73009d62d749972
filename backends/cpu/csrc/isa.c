#include "isa.h"
#include <string.h>

int rt_isa_in_use = 0;
bool rt_isa_bf16 = false, rt_isa_vnni = false;

/* __builtin_cpu_supports also asks the operating system whether it saves the wide registers. */
static int supported(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!strcmp(name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (!strcmp(name, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (!strcmp(name, "avx512_vnni"))
        return supported("avx512") && __builtin_cpu_supports("avx512vnni");
    if (!strcmp(name, "avx512_bf16")) /* no processor has it without VNNI */
        return supported("avx512_vnni") && __builtin_cpu_supports("avx512bf16");
#endif
    return !strcmp(name, "baseline") || !strcmp(name, "neon");
}

const char *rt_isa_name(int index) { return rt_isa_names[index]; }
int rt_isa_supported(int index) { return supported(rt_isa_names[index]); }
int rt_isa_current(void) { return rt_isa_in_use; }

int rt_isa_select(int index) {
    if (!rt_isa_supported(index))
        return -1;
    rt_isa_in_use = index;
    rt_isa_bf16 = !strcmp(rt_isa_names[index], "avx512_bf16");
    rt_isa_vnni = rt_isa_bf16 || !strcmp(rt_isa_names[index], "avx512_vnni");
    return 0;
}
