"""The conformance suite: what a backend must do, as tests that end in grades.

Run it with ``rustorch grade NAME``, or with ``pytest --pyargs rustorch.testing.conformance
--rustorch-backend=NAME``.
"""
