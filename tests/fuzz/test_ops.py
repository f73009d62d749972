"""Wrong calls of functions and methods end in an error of RusTorch, whatever is wrong."""

from __future__ import annotations

import pytest

PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("suite", ["functions", "functions_on_reference"])
def test_public_functions(wrong_calls, suite: str, part: int) -> None:
    wrong_calls(suite, part, PARTS, share=0.04)


def test_functions_that_take_data(wrong_calls) -> None:
    wrong_calls("without_samples")


@pytest.mark.parametrize("suite", ["methods", "methods_on_reference"])
def test_methods(wrong_calls, suite: str) -> None:
    wrong_calls(suite)
