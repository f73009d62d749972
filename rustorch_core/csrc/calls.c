/* The life of a call of an op: check, allocate, run the kernel, record. */
#include "fastpath.h"
#include "structmember.h"

static PyObject *explain_devices;
static PyObject *str_name, *str_rule, *str_dispatch, *str_records;

/* The kernel for an op's name and a dtype, a new reference: two look-ups in the device's table. */
static PyObject *find_kernel(PyObject *device, PyObject *name, PyObject *dtype) {
    PyObject *table = rt_get(device, rt_device.kernels);
    PyObject *row = PyDict_Check(table) ? PyDict_GetItemWithError(table, name) : NULL;
    PyObject *kernel = row && PyDict_Check(row) ? PyDict_GetItemWithError(row, dtype) : NULL;
    if (kernel) {
        Py_INCREF(kernel);
        return kernel;
    }
    if (PyErr_Occurred())
        return NULL;
    row = PyObject_GetItem(table, name); /* opens the device, or resolves the entry */
    kernel = row ? PyObject_GetItem(row, dtype) : NULL;
    Py_XDECREF(row);
    return kernel;
}

/* -- any op ---------------------------------------------------------------------------------------- */

/* The device that all operands live on, borrowed; the Python function words the refusal. */
static PyObject *common_device(PyObject *op_name, PyObject *inputs) {
    PyObject *device = NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); i++) {
        PyObject *x = PyTuple_GET_ITEM(inputs, i);
        if (x == Py_None && i > 0)
            continue;
        PyObject *its = rt_is_tensor(x) ? rt_get(x, rt_tensor.device) : NULL;
        if (!its || (device && its != device)) {
            PyObject *never = PyObject_CallFunctionObjArgs(explain_devices, op_name, inputs, NULL);
            Py_XDECREF(never);
            if (!PyErr_Occurred()) /* all on one device, but one is no tensor */
                PyErr_Format(PyExc_TypeError, "%U: expected tensors, got %s", op_name, Py_TYPE(x)->tp_name);
            return NULL;
        }
        device = its;
    }
    if (!device)
        PyErr_Format(PyExc_TypeError, "%U: at least one operand is required", op_name);
    return device;
}

/* A result of the (shape, dtype) that a rule answered. */
static PyObject *allocate_one(PyObject *spec, PyObject *device) {
    if (!PyTuple_CheckExact(spec) || PyTuple_GET_SIZE(spec) != 2 ||
        !Py_IS_TYPE(PyTuple_GET_ITEM(spec, 1), rt_dtype.type)) {
        PyErr_Format(PyExc_TypeError, "a rule must answer (shape, dtype), got %R", spec);
        return NULL;
    }
    return rt_allocate(PyTuple_GET_ITEM(spec, 0), PyTuple_GET_ITEM(spec, 1), device);
}

static PyObject *allocate_results(PyObject *specs, PyObject *device) {
    if (PyTuple_CheckExact(specs))
        return allocate_one(specs, device);
    PyObject *listed = PySequence_Tuple(specs);
    PyObject *out = listed ? PyTuple_New(PyTuple_GET_SIZE(listed)) : NULL;
    for (Py_ssize_t i = 0; out && i < PyTuple_GET_SIZE(listed); i++) {
        PyObject *made = allocate_one(PyTuple_GET_ITEM(listed, i), device);
        if (made)
            PyTuple_SET_ITEM(out, i, made);
        else
            Py_CLEAR(out);
    }
    Py_XDECREF(listed);
    return out;
}

/* kernel(out, *inputs, **attrs): 0, or -1 with an exception. */
static int run_kernel(PyObject *kernel, PyObject *out, PyObject *inputs, PyObject *attrs) {
    enum { FEW = 16 };
    Py_ssize_t count = PyTuple_GET_SIZE(inputs);
    PyObject *few[FEW + 1], **arguments = count <= FEW ? few : PyMem_New(PyObject *, count + 1);
    if (!arguments) {
        PyErr_NoMemory();
        return -1;
    }
    arguments[0] = out;
    for (Py_ssize_t i = 0; i < count; i++)
        arguments[i + 1] = PyTuple_GET_ITEM(inputs, i);
    PyObject *done = PyObject_VectorcallDict(kernel, arguments, count + 1, PyDict_GET_SIZE(attrs) ? attrs : NULL);
    if (arguments != few)
        PyMem_Free(arguments);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *dispatch_dtype(PyObject *op, PyObject *inputs) {
    PyObject *position = PyObject_GetAttr(op, str_dispatch);
    Py_ssize_t at = position ? PyLong_AsSsize_t(position) : -1;
    Py_XDECREF(position);
    if (PyErr_Occurred())
        return NULL;
    PyObject *x = at >= 0 && at < PyTuple_GET_SIZE(inputs) ? PyTuple_GET_ITEM(inputs, at) : NULL;
    if (!x || !rt_is_tensor(x)) {
        PyErr_Format(PyExc_TypeError, "%R: operand %zd selects the kernel and must be a tensor", op, at);
        return NULL;
    }
    return rt_get(x, rt_tensor.dtype);
}

/* Whether the op is one that is recorded; -1 with an exception. */
static int records(PyObject *op) {
    PyObject *answer = PyObject_GetAttr(op, str_records);
    int yes = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return yes;
}

static int record_if_wanted(PyObject *op, PyObject *out, PyObject *const *inputs, Py_ssize_t count, PyObject *attrs) {
    if (!rt_wants_grad(inputs, count))
        return 0;
    int wanted = records(op);
    if (wanted <= 0)
        return wanted;
    PyObject *node = rt_record(op, out, inputs, count, attrs);
    Py_XDECREF(node);
    return node ? 0 : -1;
}

static PyObject *invoke_named(PyObject *op, PyObject *name, PyObject *inputs, PyObject *attrs) {
    PyObject *device = common_device(name, inputs);
    PyObject *rule = device ? PyObject_GetAttr(op, str_rule) : NULL;
    PyObject *specs = rule ? PyObject_Call(rule, inputs, attrs) : NULL;
    Py_XDECREF(rule);
    PyObject *out = specs ? allocate_results(specs, device) : NULL;
    Py_XDECREF(specs);
    PyObject *dtype = out ? dispatch_dtype(op, inputs) : NULL;
    PyObject *kernel = dtype ? find_kernel(device, name, dtype) : NULL;
    bool failed = !kernel || run_kernel(kernel, out, inputs, attrs) < 0 ||
                  record_if_wanted(op, out, &PyTuple_GET_ITEM(inputs, 0), PyTuple_GET_SIZE(inputs), attrs) < 0;
    Py_XDECREF(kernel);
    if (failed)
        Py_CLEAR(out);
    return out;
}

static PyObject *invoke(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyTuple_CheckExact(args[1]) || !PyDict_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "invoke: an op, a tuple of operands and a dict of attributes are required");
        return NULL;
    }
    PyObject *name = PyObject_GetAttr(args[0], str_name);
    PyObject *out = name ? invoke_named(args[0], name, args[1], args[2]) : NULL;
    Py_XDECREF(name);
    return out;
}

/* -- elementwise ops on operands that need no preparation ------------------------------------------- */

enum { CATEGORIES = 4 /* bool, integer, float, complex: see rustorch.dtypes */, MOST = 2 /* operands */ };

/* A callable of one or two operands.  Where they are tensors of one shape, dtype and device, in which the op
 * computes, the call is done here; a Python number may take the second one's place.  Everything else is left to
 * `general`, a Python function of the same operands. */
typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *op, *name, *general, *constant_like;
    PyObject *result_dtype; /* None: that of the operands */
    int arity;
    bool direct[CATEGORIES];      /* whether operands of a category are computed as they are */
    bool takes_int[CATEGORIES];   /* whether a Python int joins operands of a category */
    bool takes_float[CATEGORIES]; /* a float */
} quick;

static PyObject *run_quick(quick *self, PyObject *const *operands) {
    PyObject *x = operands[0], *device = rt_get(x, rt_tensor.device), *dtype = rt_get(x, rt_tensor.dtype);
    PyObject *result_dtype = self->result_dtype == Py_None ? dtype : self->result_dtype;
    PyObject *out = rt_allocate(rt_get(x, rt_tensor.shape), result_dtype, device);
    PyObject *kernel = out ? find_kernel(device, self->name, dtype) : NULL;
    PyObject *arguments[MOST + 1] = {out, operands[0], self->arity > 1 ? operands[1] : NULL};
    PyObject *done = kernel ? PyObject_Vectorcall(kernel, arguments, self->arity + 1, NULL) : NULL;
    bool failed = !done || record_if_wanted(self->op, out, operands, self->arity, NULL) < 0;
    Py_XDECREF(done);
    Py_XDECREF(kernel);
    if (failed)
        Py_CLEAR(out);
    return out;
}

/* The category of an operand's dtype if the op computes in it as it is, else -1. */
static int direct_category(quick *self, PyObject *x) {
    if (!rt_is_tensor(x))
        return -1;
    long category = PyLong_AsLong(rt_get(rt_get(x, rt_tensor.dtype), rt_dtype.category));
    return category >= 0 && category < CATEGORIES && self->direct[category] ? (int)category : -1;
}

static bool alike(PyObject *a, PyObject *b) {
    return rt_is_tensor(b) && rt_get(a, rt_tensor.shape) == rt_get(b, rt_tensor.shape) &&
           rt_get(a, rt_tensor.dtype) == rt_get(b, rt_tensor.dtype) &&
           rt_get(a, rt_tensor.device) == rt_get(b, rt_tensor.device);
}

/* A Python number in the shape of the other operand, or NULL: with an exception, or because it does not join it. */
static PyObject *joined(quick *self, int category, PyObject *number, PyObject *x) {
    if ((PyFloat_CheckExact(number) && self->takes_float[category]) ||
        (PyLong_CheckExact(number) && self->takes_int[category]))
        return PyObject_CallFunctionObjArgs(self->constant_like, number, x, NULL);
    return NULL;
}

static PyObject *quick_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *keywords) {
    quick *self = (quick *)callable;
    if (PyVectorcall_NARGS(flags) != self->arity || (keywords && PyTuple_GET_SIZE(keywords)))
        return PyObject_Vectorcall(self->general, args, flags, keywords);
    int category = direct_category(self, args[0]);
    if (category >= 0) {
        if (self->arity == 1 || alike(args[0], args[1]))
            return run_quick(self, args);
        PyObject *other = joined(self, category, args[1], args[0]);
        if (other) {
            PyObject *operands[MOST] = {args[0], other};
            PyObject *out = run_quick(self, operands);
            Py_DECREF(other);
            return out;
        }
        if (PyErr_Occurred())
            return NULL;
    }
    return PyObject_Vectorcall(self->general, args, self->arity, NULL);
}

static int read_flags(PyObject *listed, bool *flags) {
    for (Py_ssize_t i = 0; i < CATEGORIES; i++) {
        PyObject *item = PySequence_GetItem(listed, i);
        int yes = item ? PyObject_IsTrue(item) : -1;
        Py_XDECREF(item);
        if (yes < 0)
            return -1;
        flags[i] = yes;
    }
    return 0;
}

static PyObject *quick_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"op",        "name",        "arity",   "result_dtype",  "direct",
                            "takes_int", "takes_float", "general", "constant_like", NULL};
    PyObject *op, *name, *result_dtype, *direct, *takes_int, *takes_float, *general, *constant_like;
    int arity;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OUiOOOOOO", names, &op, &name, &arity, &result_dtype, &direct,
                                     &takes_int, &takes_float, &general, &constant_like))
        return NULL;
    if (arity < 1 || arity > MOST) {
        PyErr_Format(PyExc_ValueError, "Quick: one or two operands are possible, got %d", arity);
        return NULL;
    }
    quick *self = (quick *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vectorcall = quick_call;
    self->arity = arity;
    self->op = Py_NewRef(op);
    self->name = Py_NewRef(name);
    self->general = Py_NewRef(general);
    self->constant_like = Py_NewRef(constant_like);
    self->result_dtype = Py_NewRef(result_dtype);
    if (read_flags(direct, self->direct) < 0 || read_flags(takes_int, self->takes_int) < 0 ||
        read_flags(takes_float, self->takes_float) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int quick_traverse(PyObject *object, visitproc visit, void *arg) {
    quick *self = (quick *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->op);
    Py_VISIT(self->general);
    Py_VISIT(self->constant_like);
    return 0;
}

static int quick_clear(PyObject *object) {
    quick *self = (quick *)object;
    Py_CLEAR(self->op);
    Py_CLEAR(self->general);
    Py_CLEAR(self->constant_like);
    return 0;
}

static void quick_dealloc(PyObject *object) {
    quick *self = (quick *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    quick_clear(object);
    Py_XDECREF(self->name);
    Py_XDECREF(self->result_dtype);
    type->tp_free(object);
    Py_DECREF(type);
}

/* As a function does: looked up on an instance it becomes a method. */
static PyObject *quick_bind(PyObject *self, PyObject *instance, PyObject *owner) {
    (void)owner;
    return instance && instance != Py_None ? PyMethod_New(self, instance) : Py_NewRef(self);
}

static PyMemberDef quick_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(quick, vectorcall), READONLY, NULL},
    {"op", T_OBJECT, offsetof(quick, op), READONLY, "The op."},
    {"__name__", T_OBJECT, offsetof(quick, name), READONLY, "The op's name."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot quick_slots[] = {
    {Py_tp_doc, "An elementwise op as a callable that does the common case in C."},
    {Py_tp_new, quick_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, quick_bind},
    {Py_tp_members, quick_members},
    {Py_tp_traverse, quick_traverse},
    {Py_tp_clear, quick_clear},
    {Py_tp_dealloc, quick_dealloc},
    {0, NULL},
};
static PyType_Spec quick_spec = {
    "rustorch._fastpath.Quick", sizeof(quick), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, quick_slots};

/* -- kernels that want contiguous operands ------------------------------------------------------------ */

/* A kernel's function, called as it is where all operands are contiguous; else through `packing`, which copies. */
typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *function, *packing;
} contiguous;

static bool is_dense(PyObject *x) {
    if (x == Py_None)
        return true;
    PyObject *dense = rt_is_tensor(x) ? rt_get(x, rt_tensor.dense) : NULL;
    return dense && PyLong_AsLongLong(dense) >= 0;
}

static PyObject *contiguous_call(PyObject *callable, PyObject *const *args, size_t flags, PyObject *keywords) {
    contiguous *self = (contiguous *)callable;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    bool dense = true;
    for (Py_ssize_t i = 0; dense && i < count; i++) {
        if (i == 0 && PyTuple_CheckExact(args[0]))
            for (Py_ssize_t k = 0; dense && k < PyTuple_GET_SIZE(args[0]); k++)
                dense = is_dense(PyTuple_GET_ITEM(args[0], k));
        else
            dense = is_dense(args[i]);
    }
    return PyObject_Vectorcall(dense ? self->function : self->packing, args, count, keywords);
}

static PyObject *contiguous_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"function", "packing", NULL};
    PyObject *function, *packing;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO", names, &function, &packing))
        return NULL;
    contiguous *self = (contiguous *)type->tp_alloc(type, 0);
    if (self) {
        self->vectorcall = contiguous_call;
        self->function = Py_NewRef(function);
        self->packing = Py_NewRef(packing);
    }
    return (PyObject *)self;
}

static int contiguous_traverse(PyObject *object, visitproc visit, void *arg) {
    contiguous *self = (contiguous *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->function);
    Py_VISIT(self->packing);
    return 0;
}

static int contiguous_clear(PyObject *object) {
    contiguous *self = (contiguous *)object;
    Py_CLEAR(self->function);
    Py_CLEAR(self->packing);
    return 0;
}

static void contiguous_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    contiguous_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMemberDef contiguous_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(contiguous, vectorcall), READONLY, NULL},
    {"function", T_OBJECT, offsetof(contiguous, function), READONLY, "The kernel's own function."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot contiguous_slots[] = {
    {Py_tp_doc, "Contiguous(function, packing): a kernel's function behind a look at its operands' layout."},
    {Py_tp_new, contiguous_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, contiguous_members},
    {Py_tp_traverse, contiguous_traverse},
    {Py_tp_clear, contiguous_clear},
    {Py_tp_dealloc, contiguous_dealloc},
    {0, NULL},
};
static PyType_Spec contiguous_spec = {"rustorch._fastpath.Contiguous", sizeof(contiguous), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
                                      contiguous_slots};

/* -- the module's functions -------------------------------------------------------------------------- */

static PyObject *bind_calls(PyObject *module, PyObject *function) {
    (void)module;
    Py_INCREF(function);
    Py_XSETREF(explain_devices, function);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"invoke", (PyCFunction)(void (*)(void))invoke, METH_FASTCALL, "See rustorch.ops.op."},
    {"bind_calls", bind_calls, METH_O, "Tell C the function that refuses operands on several devices."},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, const char *name, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    return type ? PyModule_AddObject(module, name, type) : -1;
}

int rt_add_calls(PyObject *module) {
    str_name = PyUnicode_InternFromString("name");
    str_rule = PyUnicode_InternFromString("rule");
    str_dispatch = PyUnicode_InternFromString("dispatch");
    str_records = PyUnicode_InternFromString("records");
    if (!str_name || !str_rule || !str_dispatch || !str_records || add_type(module, "Quick", &quick_spec) < 0 ||
        add_type(module, "Contiguous", &contiguous_spec) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
