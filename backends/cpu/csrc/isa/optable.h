/* The table of elementwise ops: lists of rows, one list per dtype. */
#pragma once
#include "elementwise.h"
#include "isa/target.h"

typedef struct {
    const rt_op *ops;
    int count;
} rt_op_list;

#define RT_OP_LIST(table) {table, sizeof(table) / sizeof(table)[0]}

/* Each ends with an empty list. */
extern const rt_op_list RT_LOCAL(rt_integer_ops)[];
extern const rt_op_list RT_LOCAL(rt_float_ops)[];
extern const rt_op_list RT_LOCAL(rt_complex_ops)[];
extern const rt_op_list RT_LOCAL(rt_move_ops)[];

/* Float16 and bfloat16, in this order. */
extern const rt_half_conversion RT_LOCAL(rt_half_formats)[2];
