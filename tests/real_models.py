"""Where the real networks and golden vectors live, and the mark for tests that need them."""

import os
from pathlib import Path

import pytest


def _find_models() -> Path | None:
    """Return the folder named by QRIG_MODELS, else ../shared/models beside the checkout.

    A QRIG_MODELS that names no folder gives None: the default is not tried in its place.
    """
    named = os.environ.get("QRIG_MODELS")
    checkout = Path(__file__).resolve().parents[1]
    folder = Path(named) if named else checkout.parent / "shared" / "models"
    return folder.resolve() if folder.is_dir() else None


MODELS: Path | None = _find_models()
if MODELS is None and os.environ.get("QRIG_REQUIRE_MODELS"):
    raise RuntimeError("QRIG_REQUIRE_MODELS is set, but there is no folder of real networks")

requires_models = pytest.mark.skipif(
    MODELS is None,
    reason="no folder of real networks: set QRIG_MODELS, or put it at ../shared/models",
)
