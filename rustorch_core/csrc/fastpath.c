/* The module rustorch._fastpath. */
#include "fastpath.h"

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rustorch._fastpath",
    .m_doc = "What runs once per op: making tensors, recording on the tape, calling kernels.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__fastpath(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && (rt_add_records(module) < 0 || rt_add_tape(module) < 0 || rt_add_calls(module) < 0))
        Py_CLEAR(module);
    return module;
}
