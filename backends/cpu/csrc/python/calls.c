/* The module rustorch_cpu._calls: what would take longer in Python than the kernel takes.
 *
 * Elementwise kernels are callables that read tensors by themselves: a wrapper in Python reads `dense` and
 * `address` of each operand and converts them once more on the way through cffi, which takes longer than
 * PyTorch's whole call; here that is a few loads.  For optimizers the addresses of all parameters are read. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "isa/api/elementwise.h"
#include "status.h"
#include "strided.h"
#include "structmember.h"

/* Elements from which on other Python threads may run meanwhile: below, letting them costs more than the call. */
enum { LET_OTHERS_RUN = 16384, MOST_INPUTS = 3, MOST_DIMS = RT_MAX_DIMS };

/* -- tensors ----------------------------------------------------------------------------------------- */

/* The class rustorch.base.TensorBase and where its slots are. */
static struct {
    PyTypeObject *type;
    Py_ssize_t address, dense, shape, strides;
} tensor;

static PyObject *slot(PyObject *x, Py_ssize_t offset) { return *(PyObject **)((char *)x + offset); }

static int64_t dense_of(PyObject *x) { return PyLong_AsLongLong(slot(x, tensor.dense)); }

static uintptr_t address_of(PyObject *x) { return PyLong_AsUnsignedLongLong(slot(x, tensor.address)); }

static int find_slot(PyObject *cls, const char *name, Py_ssize_t *offset) {
    PyObject *member = PyObject_GetAttrString(cls, name);
    bool found = member && Py_IS_TYPE(member, &PyMemberDescr_Type);
    if (found)
        *offset = ((PyMemberDescrObject *)member)->d_member->offset;
    else if (member)
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", cls, name);
    Py_XDECREF(member);
    return found ? 0 : -1;
}

static int bind_tensor(void) {
    PyObject *base = PyImport_ImportModule("rustorch.base");
    PyObject *cls = base ? PyObject_GetAttrString(base, "TensorBase") : NULL;
    Py_XDECREF(base);
    if (!cls || find_slot(cls, "address", &tensor.address) < 0 || find_slot(cls, "dense", &tensor.dense) < 0 ||
        find_slot(cls, "shape", &tensor.shape) < 0 || find_slot(cls, "strides", &tensor.strides) < 0)
        return -1;
    tensor.type = (PyTypeObject *)cls;
    return 0;
}

/* -- the callable ------------------------------------------------------------------------------------ */

/* kernel(out, *inputs) of one elementwise op for one dtype. */
typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *name, *refuse; /* refuse(name, status) raises */
    int op, inputs;
} map_kernel;

static int run_flat(const map_kernel *self, const uintptr_t *at, int64_t n) {
    switch (self->inputs) {
    case 1: return rt_map1(self->op, at[0], at[1], n);
    case 2: return rt_map2(self->op, at[0], at[1], at[2], n);
    default: return rt_map3(self->op, at[0], at[1], at[2], at[3], n);
    }
}

/* Copy a tuple of integers; a negative number with an exception if it is none of `ndim`. */
static int read_tuple(PyObject *numbers, Py_ssize_t ndim, int64_t *into) {
    if (!PyTuple_Check(numbers) || PyTuple_GET_SIZE(numbers) != ndim) {
        PyErr_Format(PyExc_TypeError, "expected %zd sizes or strides, got %R", ndim, numbers);
        return -1;
    }
    for (Py_ssize_t d = 0; d < ndim; d++)
        into[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(numbers, d));
    return PyErr_Occurred() ? -1 : 0;
}

/* A status, or -1 with an exception. */
static int run_strided(const map_kernel *self, PyObject *const *operands, const uintptr_t *at) {
    int64_t dims[(MOST_INPUTS + 2) * MOST_DIMS];
    PyObject *shape = slot(operands[0], tensor.shape);
    Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    if (ndim > MOST_DIMS)
        return RT_UNSUPPORTED;
    if (read_tuple(shape, ndim, dims) < 0)
        return -1;
    for (int k = 0; k <= self->inputs; k++)
        if (read_tuple(slot(operands[k], tensor.strides), ndim, dims + (k + 1) * ndim) < 0)
            return -1;
    uintptr_t b = self->inputs > 1 ? at[2] : 0, c = self->inputs > 2 ? at[3] : 0;
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = rt_map_strided(self->op, at[0], at[1], b, c, 0, 0, (int)ndim, dims);
    Py_END_ALLOW_THREADS;
    return status;
}

static int run(const map_kernel *self, PyObject *const *operands) {
    uintptr_t at[MOST_INPUTS + 1];
    int64_t n = dense_of(operands[0]);
    bool flat = n >= 0;
    for (int k = 0; k <= self->inputs; k++) {
        at[k] = address_of(operands[k]);
        flat = flat && dense_of(operands[k]) == n;
    }
    if (PyErr_Occurred())
        return -1;
    if (!flat)
        return run_strided(self, operands, at);
    if (n < LET_OTHERS_RUN)
        return run_flat(self, at, n);
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = run_flat(self, at, n);
    Py_END_ALLOW_THREADS;
    return status;
}

static PyObject *call(PyObject *callable, PyObject *const *operands, size_t flags, PyObject *keywords) {
    map_kernel *self = (map_kernel *)callable;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    bool right = count == self->inputs + 1 && !(keywords && PyTuple_GET_SIZE(keywords));
    for (Py_ssize_t k = 0; right && k < count; k++)
        right = PyObject_TypeCheck(operands[k], tensor.type);
    if (!right)
        return PyErr_Format(PyExc_TypeError, "%U: the kernel takes the result and %d tensors", self->name,
                            self->inputs);
    int status = run(self, operands);
    if (status < 0)
        return NULL;
    if (status > 0)
        return PyObject_CallFunction(self->refuse, "Oi", self->name, status);
    Py_RETURN_NONE;
}

static PyObject *map_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"name", "op", "refuse", NULL};
    PyObject *name, *refuse;
    int op;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "UiO", names, &name, &op, &refuse))
        return NULL;
    map_kernel *self = (map_kernel *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vectorcall = call;
    self->name = Py_NewRef(name);
    self->refuse = Py_NewRef(refuse);
    self->op = op;
    self->inputs = rt_op_inputs(op);
    return (PyObject *)self;
}

static void map_dealloc(PyObject *object) {
    map_kernel *self = (map_kernel *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_XDECREF(self->name);
    Py_XDECREF(self->refuse);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(map_kernel, vectorcall), READONLY, NULL},
    {"__name__", T_OBJECT, offsetof(map_kernel, name), READONLY, "The op's name."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_doc, "Map(name, op, refuse): kernel(out, *inputs) of one elementwise op for one dtype."},
    {Py_tp_new, map_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, members},
    {Py_tp_dealloc, map_dealloc},
    {0, NULL},
};
static PyType_Spec spec = {"rustorch_cpu._calls.Map", sizeof(map_kernel), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, slots};

/* -- optimizers -------------------------------------------------------------------------------------- */

enum { ROW = 6, CHANGED = ROW - 2 };

/* One row of isa/api/optimizer.h; -1 with an exception if the operands are not what the kernels take. */
static int fill_row(PyObject *changed, PyObject *gradient, int64_t *row) {
    Py_ssize_t count = PyTuple_Check(changed) ? PyTuple_GET_SIZE(changed) : 0;
    bool right = count > 0 && count <= CHANGED && PyObject_TypeCheck(gradient, tensor.type);
    for (Py_ssize_t i = 0; right && i < count; i++) {
        PyObject *x = PyTuple_GET_ITEM(changed, i);
        right = (x == Py_None && i > 0) || PyObject_TypeCheck(x, tensor.type);
    }
    if (!right) {
        PyErr_Format(PyExc_TypeError, "a parameter with up to %d slots, and a tensor, are required, got %R and %R",
                     CHANGED - 1, changed, gradient);
        return -1;
    }
    row[0] = dense_of(gradient);
    row[1] = (int64_t)address_of(gradient);
    for (Py_ssize_t i = 0; i < CHANGED; i++) {
        PyObject *x = i < count ? PyTuple_GET_ITEM(changed, i) : Py_None;
        row[2 + i] = x == Py_None ? 0 : (int64_t)address_of(x);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *update_table(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *changed, *gradients;
    if (!PyArg_ParseTuple(args, "O!O!:update_table", &PyList_Type, &changed, &PyList_Type, &gradients))
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(changed);
    if (PyList_GET_SIZE(gradients) != count)
        return PyErr_Format(PyExc_ValueError, "as many gradients as parameters are required, got %zd and %zd",
                            PyList_GET_SIZE(gradients), count);
    PyObject *table = PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)sizeof(int64_t[ROW]));
    for (Py_ssize_t i = 0; table && i < count; i++) {
        int64_t row[ROW];
        if (fill_row(PyList_GET_ITEM(changed, i), PyList_GET_ITEM(gradients, i), row) < 0)
            Py_CLEAR(table);
        else
            memcpy(PyBytes_AS_STRING(table) + i * (Py_ssize_t)sizeof row, row, sizeof row);
    }
    return table;
}

static PyMethodDef functions[] = {
    {"update_table", update_table, METH_VARARGS,
     "update_table(changed, gradients): bytes of the table that the kernels of optimizers take."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rustorch_cpu._calls",
    .m_doc = "Elementwise kernels as callables that read tensors by themselves, and tables of addresses.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__calls(void) {
    PyObject *module = bind_tensor() < 0 ? NULL : PyModule_Create(&definition);
    PyObject *type = module ? PyType_FromSpec(&spec) : NULL;
    if (module && (!type || PyModule_AddObject(module, "Map", type) < 0))
        Py_CLEAR(module);
    return module;
}
