/* The tape: one node per recorded op, and the switches that say whether to record. */
#include "fastpath.h"

RT_DEFINE_CLASS(node, NODE)
RT_DEFINE_CLASS(output, OUTPUT)

/* -- modes ----------------------------------------------------------------------------------------- */

static _Thread_local bool grad_enabled = true, inference = false;

bool rt_grad_enabled(void) { return grad_enabled; }

static PyObject *get_switch(PyObject *self, void *which) {
    (void)self;
    return PyBool_FromLong(which ? inference : grad_enabled);
}

static int set_switch(PyObject *self, PyObject *value, void *which) {
    (void)self;
    int on = value ? PyObject_IsTrue(value) : (PyErr_SetString(PyExc_AttributeError, "cannot be deleted"), -1);
    if (on < 0)
        return -1;
    *(which ? &inference : &grad_enabled) = on;
    return 0;
}

static PyGetSetDef switches[] = {
    {"grad", get_switch, set_switch, "Whether this thread's operations are recorded.", NULL},
    {"inference", get_switch, set_switch, "Whether this thread is in inference mode.", (void *)1},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot mode_slots[] = {
    {Py_tp_doc, "Switches of the calling thread."},
    {Py_tp_getset, switches},
    {0, NULL},
};
static PyType_Spec mode_spec = {"rustorch._fastpath.Mode", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, mode_slots};

/* -- what the Python side supplies ------------------------------------------------------------------ */

static PyObject *settings, *next_sequence, *edge_of, *refuse, *stack, *no_attrs;
static PyObject *str_anomaly, *str_why, *str_plans, *str_save_plan, *str_non_differentiable, *str_unused;

static PyObject *bind_tape(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *node, *output;
    if (!PyArg_ParseTuple(args, "OOOOOOO", &node, &output, &settings, &next_sequence, &edge_of, &refuse, &stack))
        return NULL;
    if (rt_bind_node(node) < 0 || rt_bind_output(output) < 0)
        return NULL;
    PyObject *held[] = {settings, next_sequence, edge_of, refuse, stack};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        Py_INCREF(held[i]);
    Py_RETURN_NONE;
}

/* -- recording -------------------------------------------------------------------------------------- */

int rt_wants_grad(PyObject *const *inputs, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (rt_is_tensor(inputs[i]) && rt_needs_grad(inputs[i]))
            return grad_enabled;
    return 0;
}

/* A tuple made of `count` objects by a function of each. */
static PyObject *of_each(PyObject *const *objects, Py_ssize_t count, PyObject *(*function)(PyObject *)) {
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *item = function(objects[i]);
        if (item)
            PyTuple_SET_ITEM(made, i, item);
        else
            Py_CLEAR(made);
    }
    return made;
}

/* Where the gradient of an operand goes: its node, or itself if it is a leaf, or None. */
static PyObject *edge(PyObject *x) {
    PyObject *found;
    if (x == Py_None || !rt_needs_grad(x))
        found = Py_None;
    else if (rt_get(x, rt_tensor.base) != Py_None)
        return PyObject_CallOneArg(edge_of, x); /* a view: its base may have been changed in place */
    else
        found = rt_get(x, rt_tensor.node) == Py_None ? x : rt_get(x, rt_tensor.node);
    Py_INCREF(found);
    return found;
}

static PyObject *spec_of(PyObject *x) {
    const rt_facts *f =
        rt_facts_of(rt_get(x, rt_tensor.shape), rt_get(x, rt_tensor.dtype), rt_get(x, rt_tensor.device));
    if (!f)
        return NULL;
    Py_INCREF(f->spec);
    return f->spec;
}

static PyObject *version_of(PyObject *x) {
    PyObject *version = rt_get(rt_get(x, rt_tensor.storage), rt_storage.version);
    Py_INCREF(version);
    return version;
}

/* The plan of an op for operands of which `edges` want a gradient: (which to keep, whether to keep the result). */
static PyObject *save_plan(PyObject *op, PyObject *edges) {
    Py_ssize_t count = PyTuple_GET_SIZE(edges);
    PyObject *plans = PyObject_GetAttr(op, str_plans), *key = plans ? PyTuple_New(count) : NULL, *plan = NULL;
    for (Py_ssize_t i = 0; key && i < count; i++)
        PyTuple_SET_ITEM(key, i, PyBool_FromLong(PyTuple_GET_ITEM(edges, i) != Py_None));
    if (key)
        plan = PyDict_GetItemWithError(plans, key);
    Py_XINCREF(plan);
    if (key && !plan && !PyErr_Occurred())
        plan = PyObject_CallMethodOneArg(op, str_save_plan, edges);
    Py_XDECREF(plans);
    Py_XDECREF(key);
    return plan;
}

/* Fill `saved` and `versions`: an operand with its version, or its Spec and None; no versions if none is kept. */
static int keep_inputs(PyObject *node, PyObject *const *inputs, Py_ssize_t count, PyObject *keep) {
    PyObject *saved = PyList_New(count), *versions = saved ? PyList_New(count) : NULL;
    bool any = false;
    for (Py_ssize_t i = 0; versions && i < count; i++) {
        PyObject *x = inputs[i], *kept = Py_None, *version = Py_None;
        if (x == Py_None) {
            Py_INCREF(kept);
        } else if (PyTuple_GET_ITEM(keep, i) == Py_True) {
            kept = x;
            any = true;
            Py_INCREF(kept);
            version = rt_get(rt_get(x, rt_tensor.storage), rt_storage.version);
        } else if (!(kept = spec_of(x))) {
            Py_CLEAR(versions);
            break;
        }
        Py_INCREF(version);
        PyList_SET_ITEM(saved, i, kept);
        PyList_SET_ITEM(versions, i, version);
    }
    if (!versions) {
        Py_XDECREF(saved);
        return -1;
    }
    rt_fill_own(node, rt_node.saved, saved);
    if (any) {
        rt_fill_own(node, rt_node.versions, versions);
    } else {
        Py_DECREF(versions);
        rt_fill(node, rt_node.versions, Py_None);
    }
    return 0;
}

/* Aliases of several results; the Spec of those that the derivative does not need. */
static PyObject *kept_results(PyObject *op, PyObject *out) {
    PyObject *unused = PyObject_GetAttr(op, str_unused), *kept = unused ? PyTuple_New(PyTuple_GET_SIZE(out)) : NULL;
    for (Py_ssize_t i = 0; kept && i < PyTuple_GET_SIZE(out); i++) {
        PyObject *number = PyLong_FromSsize_t(i), *item = NULL;
        int drop = number ? PySequence_Contains(unused, number) : -1;
        Py_XDECREF(number);
        if (drop >= 0)
            item = drop ? spec_of(PyTuple_GET_ITEM(out, i)) : rt_alias_of(PyTuple_GET_ITEM(out, i));
        if (item)
            PyTuple_SET_ITEM(kept, i, item);
        else
            Py_CLEAR(kept);
    }
    Py_XDECREF(unused);
    return kept;
}

/* Fill `results`, and `out` and `out_version` if the derivative uses the result. */
static int keep_results(PyObject *node, PyObject *op, PyObject *out, bool keep) {
    bool several = PyTuple_CheckExact(out);
    PyObject *const *outs = several ? &PyTuple_GET_ITEM(out, 0) : &out;
    Py_ssize_t count = several ? PyTuple_GET_SIZE(out) : 1;
    PyObject *kept = Py_None, *versions = Py_None, *results = of_each(outs, count, spec_of);
    if (results && (keep || several))
        versions = of_each(outs, count, version_of);
    else
        Py_INCREF(versions);
    if (keep)
        kept = several ? kept_results(op, out) : rt_alias_of(out);
    else
        Py_INCREF(kept);
    if (!results || !versions || !kept) {
        Py_XDECREF(results);
        Py_XDECREF(versions);
        Py_XDECREF(kept);
        return -1;
    }
    rt_fill_own(node, rt_node.results, results);
    rt_fill_own(node, rt_node.out, kept);
    rt_fill_own(node, rt_node.out_version, versions);
    return 0;
}

/* In anomaly mode, where the op was called; else None. */
static PyObject *trace_of(void) {
    PyObject *anomaly = PyObject_GetAttr(settings, str_anomaly);
    if (!anomaly)
        return NULL;
    bool on = anomaly == Py_True;
    Py_DECREF(anomaly);
    if (on)
        return PyObject_CallNoArgs(stack);
    Py_RETURN_NONE;
}

/* Refuse an op that has no derivative. */
static int require_derivative(PyObject *op) {
    PyObject *why = PyObject_GetAttr(op, str_why);
    if (why == Py_None) {
        Py_DECREF(why);
        return 0;
    }
    PyObject *never = why ? PyObject_CallFunctionObjArgs(refuse, op, why, NULL) : NULL; /* raises */
    Py_XDECREF(why);
    Py_XDECREF(never);
    return -1;
}

static PyObject *new_node(PyObject *op, PyObject *out, PyObject *const *inputs, Py_ssize_t count, PyObject *attrs) {
    if (require_derivative(op) < 0)
        return NULL;
    PyObject *edges = of_each(inputs, count, edge), *plan = edges ? save_plan(op, edges) : NULL;
    PyObject *node = plan ? rt_node.type->tp_alloc(rt_node.type, 0) : NULL;
    if (!node) {
        Py_XDECREF(edges);
        Py_XDECREF(plan);
        return NULL;
    }
    rt_fill(node, rt_node.op, op);
    rt_fill(node, rt_node.attrs, attrs);
    rt_fill_own(node, rt_node.edges, edges);
    rt_fill(node, rt_node.hooks, Py_None);
    PyObject *sequence = PyObject_CallNoArgs(next_sequence), *trace = sequence ? trace_of() : NULL;
    *(PyObject **)((char *)node + rt_node.sequence) = sequence;
    *(PyObject **)((char *)node + rt_node.trace) = trace;
    bool keep_out = PyTuple_GET_ITEM(plan, 1) == Py_True;
    bool failed = !trace || keep_inputs(node, inputs, count, PyTuple_GET_ITEM(plan, 0)) < 0 ||
                  keep_results(node, op, out, keep_out) < 0;
    Py_DECREF(plan);
    if (failed)
        Py_CLEAR(node);
    return node;
}

static bool is_smooth(PyObject *x) { /* floating point or complex */
    return PyLong_AsLong(rt_get(rt_get(x, rt_tensor.dtype), rt_dtype.category)) >= 2;
}

/* Attach the results of an op that has several: each names the node and its number. */
static int attach_several(PyObject *op, PyObject *node, PyObject *out) {
    PyObject *silent = PyObject_GetAttr(op, str_non_differentiable);
    if (!silent)
        return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(out); i++) {
        PyObject *result = PyTuple_GET_ITEM(out, i), *number = PyLong_FromSsize_t(i);
        int skipped = number ? PySequence_Contains(silent, number) : -1;
        PyObject *place = skipped == 0 && is_smooth(result) ? rt_output.type->tp_alloc(rt_output.type, 0) : NULL;
        if (place) {
            rt_fill(place, rt_output.node, node);
            rt_fill(place, rt_output.index, number);
            rt_set(result, rt_tensor.needs_grad, Py_True);
            rt_set(result, rt_tensor.node, place);
            Py_DECREF(place);
        }
        Py_XDECREF(number);
        if (skipped < 0 || PyErr_Occurred())
            status = -1;
    }
    Py_DECREF(silent);
    return status;
}

PyObject *rt_record(PyObject *op, PyObject *out, PyObject *const *inputs, Py_ssize_t count, PyObject *attrs) {
    PyObject *node = new_node(op, out, inputs, count, attrs ? attrs : no_attrs);
    if (!node)
        return NULL;
    if (!PyTuple_CheckExact(out)) {
        rt_set(out, rt_tensor.needs_grad, Py_True);
        rt_set(out, rt_tensor.node, node);
    } else if (attach_several(op, node, out) < 0) {
        Py_CLEAR(node);
    }
    return node;
}

/* -- the module's functions -------------------------------------------------------------------------- */

/* (op, out, inputs, attrs) of a call from Python; `inputs` becomes a tuple of the caller's own. */
typedef struct {
    PyObject *op, *out, *inputs, *attrs;
} recorded_call;

static int parse(const char *name, PyObject *const *args, Py_ssize_t count, recorded_call *call) {
    if (count != 4) {
        PyErr_Format(PyExc_TypeError, "%s: takes 4 arguments, got %zd", name, count);
        return -1;
    }
    PyObject *inputs = PySequence_Tuple(args[2]);
    if (!inputs)
        return -1;
    bool right = PyDict_Check(args[3]);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); i++)
        right = right && (PyTuple_GET_ITEM(inputs, i) == Py_None || rt_is_tensor(PyTuple_GET_ITEM(inputs, i)));
    if (PyTuple_CheckExact(args[1]))
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[1]); i++)
            right = right && rt_is_tensor(PyTuple_GET_ITEM(args[1], i));
    else
        right = right && rt_is_tensor(args[1]);
    if (!right) {
        PyErr_Format(PyExc_TypeError, "%s: expected an op, its result, its operands and attributes", name);
        Py_DECREF(inputs);
        return -1;
    }
    *call = (recorded_call){args[0], args[1], inputs, args[3]};
    return 0;
}

static PyObject *make_node(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    recorded_call c;
    if (parse("make_node", args, count, &c) < 0)
        return NULL;
    PyObject *node = new_node(c.op, c.out, &PyTuple_GET_ITEM(c.inputs, 0), PyTuple_GET_SIZE(c.inputs), c.attrs);
    Py_DECREF(c.inputs);
    return node;
}

static PyObject *record(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    recorded_call c;
    if (parse("record", args, count, &c) < 0)
        return NULL;
    PyObject *node = rt_record(c.op, c.out, &PyTuple_GET_ITEM(c.inputs, 0), PyTuple_GET_SIZE(c.inputs), c.attrs);
    Py_DECREF(c.inputs);
    return node;
}

static PyObject *wants_grad(PyObject *module, PyObject *inputs) {
    (void)module;
    PyObject *listed = PySequence_Fast(inputs, "wants_grad: a sequence of operands is required");
    if (!listed)
        return NULL;
    int wanted = rt_wants_grad(PySequence_Fast_ITEMS(listed), PySequence_Fast_GET_SIZE(listed));
    Py_DECREF(listed);
    return wanted < 0 ? NULL : PyBool_FromLong(wanted);
}

static PyMethodDef functions[] = {
    {"make_node", (PyCFunction)(void (*)(void))make_node, METH_FASTCALL, "See rustorch.tape."},
    {"record", (PyCFunction)(void (*)(void))record, METH_FASTCALL, "See rustorch.tape."},
    {"wants_grad", wants_grad, METH_O, "See rustorch.tape."},
    {"bind_tape", bind_tape, METH_VARARGS, "Tell C the classes and functions of rustorch.tape."},
    {NULL, NULL, 0, NULL},
};

int rt_add_tape(PyObject *module) {
    no_attrs = PyDict_New();
    str_anomaly = PyUnicode_InternFromString("anomaly");
    str_why = PyUnicode_InternFromString("why_no_gradient");
    str_plans = PyUnicode_InternFromString("plans");
    str_save_plan = PyUnicode_InternFromString("save_plan");
    str_non_differentiable = PyUnicode_InternFromString("non_differentiable");
    str_unused = PyUnicode_InternFromString("unused_results");
    PyObject *mode_type = PyType_FromSpec(&mode_spec);
    PyObject *mode = mode_type ? PyObject_CallNoArgs(mode_type) : NULL;
    Py_XDECREF(mode_type);
    if (!no_attrs || !str_anomaly || !str_why || !str_plans || !str_save_plan || !str_non_differentiable ||
        !str_unused || !mode || PyModule_AddObject(module, "mode", mode) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
