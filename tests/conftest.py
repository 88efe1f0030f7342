"""Set up before any test module is imported."""

import os

import pytest
from hypothesis import settings

# The same examples each time; WHERRY_HYPOTHESIS=long tries other ones, and many.
settings.register_profile("same", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("WHERRY_HYPOTHESIS", "same"))

# Cases and helpers live in the package: their asserts should tell as much as those of tests.
pytest.register_assert_rewrite("wherry.testing")
