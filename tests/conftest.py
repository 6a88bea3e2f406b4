"""What several test files use."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
for folder in ("book/_ext", "book/_tools"):  # the site's own code is no package
    sys.path.append(str(ROOT / folder))


@pytest.fixture
def rng():
    """A seeded generator, fresh for every test."""
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the project."""
    return ROOT
