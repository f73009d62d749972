/* Making tensors and their storages. */
#include "fastpath.h"
#include "structmember.h"

RT_DEFINE_CLASS(tensor, TENSOR)
RT_DEFINE_CLASS(storage, STORAGE)
RT_DEFINE_CLASS(spec, SPEC)
RT_DEFINE_CLASS(device, DEVICE)
RT_DEFINE_CLASS(dtype, DTYPE)

static PyTypeObject *owned_storage; /* the class of storages that give their buffer back */
static Py_ssize_t owned_free;       /* its slot `free` */
static PyTypeObject *result_class;  /* of new tensors */
static PyObject *zero;
static PyObject *str_elements, *str_strides;

Py_ssize_t rt_slot_offset(PyObject *cls, const char *name) {
    PyObject *member = PyObject_GetAttrString(cls, name);
    if (!member)
        return -1;
    if (!Py_IS_TYPE(member, &PyMemberDescr_Type)) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", cls, name);
        Py_DECREF(member);
        return -1;
    }
    Py_ssize_t offset = ((PyMemberDescrObject *)member)->d_member->offset;
    Py_DECREF(member);
    return offset;
}

/* -- facts ---------------------------------------------------------------------------------------- */

enum { FACTS = 1024 /* a direct-mapped cache: a program meets few shapes again and again */ };
static rt_facts facts[FACTS];

static int find_facts(rt_facts *f, PyObject *shape, PyObject *dtype, PyObject *device) {
    PyObject *elements = PyObject_GetAttr(shape, str_elements);
    PyObject *strides = PyObject_GetAttr(shape, str_strides);
    PyObject *nbytes = elements ? PyNumber_Multiply(elements, rt_get(dtype, rt_dtype.itemsize)) : NULL;
    PyObject *spec = rt_spec.type->tp_alloc(rt_spec.type, 0);
    if (!strides || !nbytes || !spec) {
        Py_XDECREF(elements);
        Py_XDECREF(strides);
        Py_XDECREF(nbytes);
        Py_XDECREF(spec);
        return -1;
    }
    rt_fill(spec, rt_spec.shape, shape);
    rt_fill(spec, rt_spec.dtype, dtype);
    rt_fill(spec, rt_spec.device, device);
    rt_facts old = *f;
    Py_INCREF(shape);
    Py_INCREF(dtype);
    Py_INCREF(device);
    *f = (rt_facts){shape, dtype, device, elements, nbytes, strides, spec};
    PyObject *dropped[] = {old.shape, old.dtype, old.device, old.elements, old.nbytes, old.strides, old.spec};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        Py_XDECREF(dropped[i]);
    return 0;
}

const rt_facts *rt_facts_of(PyObject *shape, PyObject *dtype, PyObject *device) {
    uintptr_t mixed = ((uintptr_t)shape >> 4) * 31 + ((uintptr_t)dtype >> 4) * 17 + ((uintptr_t)device >> 4);
    rt_facts *f = &facts[(mixed ^ (mixed >> 10)) % FACTS];
    if (f->shape == shape && f->dtype == dtype && f->device == device)
        return f;
    return find_facts(f, shape, dtype, device) < 0 ? NULL : f;
}

/* -- tensors -------------------------------------------------------------------------------------- */

/* A tensor of a class with every slot that is always set filled, except `storage` and `address`. */
static PyObject *new_tensor(PyTypeObject *cls, PyObject *shape, PyObject *strides, PyObject *dense, PyObject *offset,
                            PyObject *dtype, PyObject *device) {
    PyObject *self = cls->tp_alloc(cls, 0);
    if (!self)
        return NULL;
    rt_fill(self, rt_tensor.shape, shape);
    rt_fill(self, rt_tensor.strides, strides);
    rt_fill(self, rt_tensor.dense, dense);
    rt_fill(self, rt_tensor.offset, offset);
    rt_fill(self, rt_tensor.dtype, dtype);
    rt_fill(self, rt_tensor.device, device);
    rt_fill(self, rt_tensor.needs_grad, Py_False);
    rt_fill(self, rt_tensor.node, Py_None);
    rt_fill(self, rt_tensor.base, Py_None);
    return self;
}

PyObject *rt_allocate(PyObject *shape, PyObject *dtype, PyObject *device) {
    const rt_facts *f = rt_facts_of(shape, dtype, device);
    if (!f)
        return NULL;
    /* calls into Python may replace the cached facts, so what is needed later is held here */
    PyObject *nbytes = f->nbytes;
    Py_INCREF(nbytes);
    PyObject *self = new_tensor(result_class, shape, f->strides, f->elements, zero, dtype, device);
    PyObject *storage = self ? owned_storage->tp_alloc(owned_storage, 0) : NULL;
    PyObject *buffer = storage ? PyObject_CallOneArg(rt_get(device, rt_device.allocate), nbytes) : NULL;
    if (!buffer) {
        Py_DECREF(nbytes);
        Py_XDECREF(storage); /* without a buffer its end gives nothing back */
        Py_XDECREF(self);
        return NULL;
    }
    rt_fill(storage, rt_storage.buffer, buffer);
    rt_fill_own(storage, rt_storage.nbytes, nbytes);
    rt_fill(storage, rt_storage.device, device);
    rt_fill(storage, rt_storage.version, zero);
    rt_fill(storage, owned_free, rt_get(device, rt_device.free));
    rt_fill_own(self, rt_tensor.address, buffer);
    rt_fill_own(self, rt_tensor.storage, storage);
    return self;
}

/* Run at the end of an owned storage, in place of a `__del__` method, which would cost a Python call per op. */
static void give_back(PyObject *storage) {
    PyObject *buffer = rt_get(storage, rt_storage.buffer), *nbytes = rt_get(storage, rt_storage.nbytes);
    PyObject *function = rt_get(storage, owned_free);
    if (!buffer || !nbytes || !function)
        return; /* allocation failed */
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *arguments[] = {buffer, nbytes};
    PyObject *done = PyObject_Vectorcall(function, arguments, 2, NULL);
    if (!done)
        PyErr_WriteUnraisable(storage);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
}

static PyObject *owner(PyObject *module, PyObject *cls) {
    (void)module;
    Py_ssize_t slot = rt_slot_offset(cls, "free");
    if (slot < 0)
        return NULL;
    owned_free = slot;
    owned_storage = (PyTypeObject *)cls;
    owned_storage->tp_finalize = give_back;
    Py_INCREF(cls); /* for the static variable */
    Py_INCREF(cls);
    return cls;
}

/* The address of an element, given that of another one; None stays None. */
static PyObject *moved_address(PyObject *x, PyObject *offset) {
    PyObject *address = rt_get(x, rt_tensor.address), *before = rt_get(x, rt_tensor.offset);
    if (!PyLong_CheckExact(address) || offset == before) {
        Py_INCREF(address);
        return address;
    }
    long long from = PyLong_AsLongLong(before), to = PyLong_AsLongLong(offset);
    long long itemsize = PyLong_AsLongLong(rt_get(rt_get(x, rt_tensor.dtype), rt_dtype.itemsize));
    unsigned long long at = PyLong_AsUnsignedLongLong(address);
    if (PyErr_Occurred())
        return NULL;
    return PyLong_FromUnsignedLongLong(at + (unsigned long long)((to - from) * itemsize));
}

static PyObject *make_view(PyObject *x, PyObject *shape, PyObject *strides, PyObject *offset, PyTypeObject *cls) {
    static PyObject *scattered; /* -1: the elements are not contiguous */
    if (!scattered && !(scattered = PyLong_FromLong(-1)))
        return NULL;
    PyObject *dtype = rt_get(x, rt_tensor.dtype), *device = rt_get(x, rt_tensor.device);
    const rt_facts *f = rt_facts_of(shape, dtype, device);
    if (!f)
        return NULL;
    PyObject *dense = strides == f->strides ? f->elements : scattered;
    PyObject *address = moved_address(x, offset);
    PyObject *self = address ? new_tensor(cls, shape, strides, dense, offset, dtype, device) : NULL;
    if (!self) {
        Py_XDECREF(address);
        return NULL;
    }
    rt_fill_own(self, rt_tensor.address, address);
    rt_fill(self, rt_tensor.storage, rt_get(x, rt_tensor.storage));
    return self;
}

PyObject *rt_alias_of(PyObject *x) {
    return make_view(x, rt_get(x, rt_tensor.shape), rt_get(x, rt_tensor.strides), rt_get(x, rt_tensor.offset),
                     result_class);
}

/* -- the module's functions ------------------------------------------------------------------------ */

static int require_count(const char *name, Py_ssize_t got, Py_ssize_t least, Py_ssize_t most) {
    if (got >= least && got <= most)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s: takes %zd to %zd arguments, got %zd", name, least, most, got);
    return -1;
}

static int require_tensor(const char *name, PyObject *x) {
    if (rt_is_tensor(x))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s: expected a tensor, got %s", name, Py_TYPE(x)->tp_name);
    return -1;
}

/* Refuse what is not (shape, dtype, device); a shape shows itself by its attributes. */
static int require_facts(const char *name, PyObject *const *args) {
    if (Py_IS_TYPE(args[1], rt_dtype.type) && Py_IS_TYPE(args[2], rt_device.type))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s: expected a shape, a DType and a Device, got %R and %R", name, args[1], args[2]);
    return -1;
}

static PyObject *allocate(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (require_count("allocate", count, 3, 3) < 0)
        return NULL;
    if (require_facts("allocate", args) < 0)
        return NULL;
    return rt_allocate(args[0], args[1], args[2]);
}

static PyObject *view_of(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (require_count("view_of", count, 4, 5) < 0 || require_tensor("view_of", args[0]) < 0)
        return NULL;
    if (!PyTuple_Check(args[2]) || !PyLong_Check(args[3])) {
        PyErr_Format(PyExc_TypeError, "view_of: expected strides and an offset, got %R and %R", args[2], args[3]);
        return NULL;
    }
    PyTypeObject *cls = result_class;
    if (count == 5 && args[4] != Py_None) {
        cls = (PyTypeObject *)args[4];
        if (!PyType_Check(args[4]) || !PyType_IsSubtype(cls, rt_tensor.type)) {
            PyErr_Format(PyExc_TypeError, "view_of: expected a class of tensors, got %R", args[4]);
            return NULL;
        }
    }
    return make_view(args[0], args[1], args[2], args[3], cls);
}

static PyObject *alias_of(PyObject *module, PyObject *x) {
    (void)module;
    return require_tensor("alias_of", x) < 0 ? NULL : rt_alias_of(x);
}

static PyObject *shared_spec(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (require_count("shared_spec", count, 3, 3) < 0 || require_facts("shared_spec", args) < 0)
        return NULL;
    const rt_facts *f = rt_facts_of(args[0], args[1], args[2]);
    if (!f)
        return NULL;
    Py_INCREF(f->spec);
    return f->spec;
}

static PyObject *set_result_class(PyObject *module, PyObject *cls) {
    (void)module;
    if (!PyType_Check(cls) || !PyType_IsSubtype((PyTypeObject *)cls, rt_tensor.type)) {
        PyErr_Format(PyExc_TypeError, "set_result_class: expected a class of tensors, got %R", cls);
        return NULL;
    }
    Py_INCREF(cls);
    Py_XSETREF(result_class, (PyTypeObject *)cls);
    Py_RETURN_NONE;
}

static PyObject *bind_records(PyObject *module, PyObject *args) {
    PyObject *tensor, *storage, *spec, *device, *dtype;
    if (!PyArg_ParseTuple(args, "OOOOO", &tensor, &storage, &spec, &device, &dtype))
        return NULL;
    if (rt_bind_tensor(tensor) < 0 || rt_bind_storage(storage) < 0 || rt_bind_spec(spec) < 0 ||
        rt_bind_device(device) < 0 || rt_bind_dtype(dtype) < 0)
        return NULL;
    return set_result_class(module, tensor);
}

static PyMethodDef functions[] = {
    {"allocate", (PyCFunction)(void (*)(void))allocate, METH_FASTCALL, "See rustorch.base."},
    {"view_of", (PyCFunction)(void (*)(void))view_of, METH_FASTCALL, "See rustorch.base."},
    {"alias_of", alias_of, METH_O, "See rustorch.base."},
    {"shared_spec", (PyCFunction)(void (*)(void))shared_spec, METH_FASTCALL, "See rustorch.base."},
    {"set_result_class", set_result_class, METH_O, "See rustorch.base."},
    {"owner", owner, METH_O, "Let the instances of a class of storages give their buffer back at their end."},
    {"bind_records", bind_records, METH_VARARGS, "Tell C the classes of rustorch.base."},
    {NULL, NULL, 0, NULL},
};

int rt_add_records(PyObject *module) {
    zero = PyLong_FromLong(0);
    str_elements = PyUnicode_InternFromString("elements");
    str_strides = PyUnicode_InternFromString("strides");
    return zero && str_elements && str_strides ? PyModule_AddFunctions(module, functions) : -1;
}
