"""Random weights for a definition that has none: the reader itself says which shapes it expects."""

import ast
import re
from pathlib import Path

import numpy as np

from qrig.errors import FileFormatError
from qrig.networks.caffe import Definition, Weights, build_network
from qrig.networks.graph import Shape


def filled(definition: Definition, shape: Shape | None = None, seed: int = 0) -> Weights:
    """Positive numbers below one, of the shapes the sentences about missing weights tell."""
    numbers = np.random.default_rng(seed)
    weights: Weights = {}
    while True:
        try:
            build_network(definition, weights, Path("weights"), input_shape=shape)
        except FileFormatError as error:
            text = str(error)
            missing = re.search(r"expected (\d+) blobs for layer '([^']*)'", text)
            wrong = re.search(r"layer '([^']*)': expected a blob of shape (\([^)]*\))", text)
            if missing:
                weights[missing[2]] = [np.zeros(0, np.float32) for _ in range(int(missing[1]))]
            elif wrong:
                blobs = weights[wrong[1]]
                at = next(index for index, blob in enumerate(blobs) if not blob.size)
                blobs[at] = numbers.uniform(0, 1, ast.literal_eval(wrong[2])).astype(np.float32)
            else:
                raise
        else:
            return weights
