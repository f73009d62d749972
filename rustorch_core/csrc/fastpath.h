/* What runs once per op, in C: making tensors, recording on the tape, calling kernels. */
#pragma once
#include "slots.h"

/* Facts that follow from (shape, dtype, device), found by identity: all three are interned. */
typedef struct {
    PyObject *shape, *dtype, *device; /* the key */
    PyObject *elements, *nbytes, *strides;
    PyObject *spec; /* the shared `Spec` of the key */
} rt_facts;

/* Borrowed until the next call; NULL with an exception. */
const rt_facts *rt_facts_of(PyObject *shape, PyObject *dtype, PyObject *device);

/* A new contiguous tensor with uninitialised elements. */
PyObject *rt_allocate(PyObject *shape, PyObject *dtype, PyObject *device);
/* A tensor over the elements of `x`, without history. */
PyObject *rt_alias_of(PyObject *x);

/* Whether operations of this thread are recorded. */
bool rt_grad_enabled(void);
/* Whether one of `count` operands (None allowed) wants a gradient, and recording is on; -1 with an exception. */
int rt_wants_grad(PyObject *const *inputs, Py_ssize_t count);
/* Write one op on the tape and attach its result, or tuple of results, to it; the node, or NULL with an exception. */
PyObject *rt_record(PyObject *op, PyObject *out, PyObject *const *inputs, Py_ssize_t count, PyObject *attrs);

int rt_add_records(PyObject *module);
int rt_add_tape(PyObject *module);
int rt_add_calls(PyObject *module);
