"""Each backend trains three networks as the reference does, dropout included."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from networks import losses

from rustorch.testing import assert_close

expected = cache(lambda network: losses(network, "reference"))


@pytest.mark.parametrize("network", ["cnn", "transformer", "lstm"])
def test_trains_to_the_losses_of_the_reference(network, stranger):
    found = losses(network, stranger)
    assert found[-1] < found[0]
    assert_close(np.array(found), np.array(expected(network)), rtol=2e-4, atol=2e-4)
