"""What qrig does with each Caffe layer type."""

from __future__ import annotations

COMPUTED_TYPES = frozenset({"Convolution", "Pooling", "ReLU", "InnerProduct", "Softmax"})
"""Types that become a layer of the network."""

INPUT_TYPES = frozenset({"Data", "HDF5Data", "ImageData", "MemoryData", "Input", "DummyData"})
"""Types that make the network's input."""

TRAINING_TYPES = frozenset({"Accuracy", "SoftmaxWithLoss", "Silence"})
"""Types that only judge: a deployment leaves them out."""

IDENTITY_TYPES = frozenset({"Dropout", "Split"})
"""Types that pass their input on at test time."""

READABLE_TYPES = COMPUTED_TYPES | INPUT_TYPES | TRAINING_TYPES | IDENTITY_TYPES
"""Every type qrig reads."""
