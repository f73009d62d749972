/* Direct access to the `__slots__` of classes that are declared in Python.
 *
 * The classes stay readable Python; C reads their slots by offset, which costs a load where an
 * attribute look-up costs some twenty nanoseconds.  `rt_bind_*` finds the offsets once, at import. */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

/* The slots of each class that C touches; the class itself is `type`. */
#define RT_TENSOR_SLOTS(X)                                                                                   \
    X(storage) X(address) X(shape) X(strides) X(dense) X(offset) X(dtype) X(device) X(needs_grad) X(node) X(base)
#define RT_STORAGE_SLOTS(X) X(buffer) X(nbytes) X(device) X(version)
#define RT_SPEC_SLOTS(X) X(shape) X(dtype) X(device)
#define RT_DEVICE_SLOTS(X) X(allocate) X(free) X(kernels)
#define RT_DTYPE_SLOTS(X) X(itemsize) X(category)
#define RT_NODE_SLOTS(X)                                                                                     \
    X(op) X(attrs) X(edges) X(saved) X(versions) X(results) X(out) X(out_version) X(hooks) X(sequence) X(trace)
#define RT_OUTPUT_SLOTS(X) X(node) X(index)

#define RT_OFFSET(name) Py_ssize_t name;
#define RT_CLASS(lower, UPPER)                                                                               \
    extern struct rt_##lower##_class {                                                                       \
        PyTypeObject *type;                                                                                  \
        RT_##UPPER##_SLOTS(RT_OFFSET)                                                                        \
    } rt_##lower;
RT_CLASS(tensor, TENSOR)
RT_CLASS(storage, STORAGE)
RT_CLASS(spec, SPEC)
RT_CLASS(device, DEVICE)
RT_CLASS(dtype, DTYPE)
RT_CLASS(node, NODE)
RT_CLASS(output, OUTPUT)

/* The offset of a slot of a class; -1 with an exception if it has none of that name. */
Py_ssize_t rt_slot_offset(PyObject *cls, const char *name);

/* Define `rt_bind_<lower>(cls)`: 0, or -1 with an exception. */
#define RT_FIND(name)                                                                                        \
    if ((found->name = rt_slot_offset(cls, #name)) < 0)                                                      \
        return -1;
#define RT_DEFINE_CLASS(lower, UPPER)                                                                        \
    struct rt_##lower##_class rt_##lower;                                                                    \
    static int rt_bind_##lower(PyObject *cls) {                                                              \
        struct rt_##lower##_class *found = &rt_##lower;                                                      \
        RT_##UPPER##_SLOTS(RT_FIND) Py_INCREF(cls);                                                          \
        found->type = (PyTypeObject *)cls;                                                                   \
        return 0;                                                                                            \
    }

/* The value of a slot, borrowed; NULL if it was never set. */
static inline PyObject *rt_get(PyObject *self, Py_ssize_t slot) { return *(PyObject **)((char *)self + slot); }

/* Fill a slot of a new object with a reference of its own. */
static inline void rt_fill(PyObject *self, Py_ssize_t slot, PyObject *value) {
    Py_INCREF(value);
    *(PyObject **)((char *)self + slot) = value;
}

/* The same, taking over the caller's reference. */
static inline void rt_fill_own(PyObject *self, Py_ssize_t slot, PyObject *value) {
    *(PyObject **)((char *)self + slot) = value;
}

/* Replace what a slot holds. */
static inline void rt_set(PyObject *self, Py_ssize_t slot, PyObject *value) {
    PyObject **place = (PyObject **)((char *)self + slot), *before = *place;
    Py_INCREF(value);
    *place = value;
    Py_XDECREF(before);
}

/* Whether an object is a tensor that is complete; `storage` is the slot that is filled last. */
static inline bool rt_is_tensor(PyObject *x) {
    return PyObject_TypeCheck(x, rt_tensor.type) && rt_get(x, rt_tensor.storage);
}

/* Whether autograd follows a tensor. */
static inline bool rt_needs_grad(PyObject *x) { return rt_get(x, rt_tensor.needs_grad) == Py_True; }
