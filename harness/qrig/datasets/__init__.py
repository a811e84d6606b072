"""Inputs for networks: single images and labelled sample sets."""

from qrig.datasets.images import read_image
from qrig.datasets.samples import Sample, read_samples

__all__ = ["Sample", "read_image", "read_samples"]
