"""Set up before any test module is imported."""

import pytest

# Cases and helpers live in the package: their asserts should tell as much as those of tests.
pytest.register_assert_rewrite("wherry.testing")
