"""Inputs for networks: single images, labelled samples, and whole image sets."""

from qrig.datasets.image_set import ImageSet
from qrig.datasets.images import read_image
from qrig.datasets.samples import Sample, read_samples
from qrig.datasets.sources import read_image_set

__all__ = ["ImageSet", "Sample", "read_image", "read_image_set", "read_samples"]
