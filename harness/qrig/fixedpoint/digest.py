"""A digest of a quantised network: equal for equal numbers, whatever files they came from."""

from __future__ import annotations

import hashlib

import attrs
import numpy as np

from qrig.fixedpoint.quantized import QuantizedNetwork


def network_sha256(network: QuantizedNetwork) -> str:
    """Return the SHA-256 of everything the network computes with: shapes, weights, shifts."""
    digest = hashlib.sha256()
    for stage in network.stages:
        digest.update(f"{stage.type}\0".encode())
        for key, value in attrs.asdict(stage, recurse=False).items():
            digest.update(f"{key}=".encode())
            if isinstance(value, np.ndarray):
                digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
            else:
                digest.update(f"{value!s}\0".encode())
    return digest.hexdigest()
