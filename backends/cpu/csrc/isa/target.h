/* What every per-target source includes first: the target's vectors and naming.
 *
 * A function declared in isa/api gets its suffix from the build.  RT_LOCAL(name) is for the few
 * others that are shared between per-target sources. */
#pragma once
#include "dtype.h"
#include "pool.h"
#include "status.h"
#include "isa/vec.h"
#include <stdbool.h>

#define RT_PASTE_(a, b) a##_##b
#define RT_PASTE(a, b) RT_PASTE_(a, b)
#define RT_LOCAL(name) RT_PASTE(name, RT_ISA)
