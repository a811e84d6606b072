"""Training of Caffe networks, with PyTorch (the `train` extra).

The modules of this room import torch; the package itself does not, so that everything else works
without it. Whoever trains calls `require_torch` first.
"""

from qrig.training.torch_there import require_torch

__all__ = ["require_torch"]
