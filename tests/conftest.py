"""Settings that hold for every test; fixtures live beside the tests that use them."""

from hypothesis import settings

# A shared machine makes timings meaningless, and a check must not pass today and fail tomorrow.
settings.register_profile("rustorch", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("rustorch")
