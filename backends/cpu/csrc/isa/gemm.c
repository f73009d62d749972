#include "isa/gemm.h"
#include "cache.h"
#include "workspace.h"
#include <stdatomic.h>

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/gemm_tile.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/gemm_run.h"
#include "isa/gemv.h"
#undef RT_REAL_BITS

#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/gemm_tile.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/gemm_run.h"
#include "isa/gemv.h"
#undef RT_REAL_BITS
