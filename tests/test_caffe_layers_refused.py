"""Caffe's layers that cannot be, or that qrig does not know: what is said about them."""

from pathlib import Path

import numpy as np
import pytest

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe import Weights
from test_caffe_layers import build, floats, layer

STATISTICS = [np.ones(4, np.float32), np.ones(4, np.float32), np.ones(1, np.float32)]


@pytest.mark.parametrize(
    ("text", "weights", "words"),
    [
        (layer("BatchNorm"), {}, "expected 3 blobs for layer 'y' of the model, found no such"),
        (layer("BatchNorm"), {"y": STATISTICS[:2]}, "expected 3 blobs .* found 2"),
        (layer("BatchNorm"), {"y": [floats(3), *STATISTICS[1:]]}, r"shape \(4,\), found \(3,\)"),
        (layer("BatchNorm"), {"y": [STATISTICS[0], -STATISTICS[1], STATISTICS[2]]},
         "variances above -eps"),
        (layer("BatchNorm"), {"y": [*STATISTICS[:2], np.array([1e-40], np.float32)]},
         "finite means"),
        (layer("Scale"), {"y": [floats(4), floats(4)]}, "expected 1 blobs"),
        (layer("LRN", "lrn_param { local_size: 4 }"), {}, "an odd local_size, found 4"),
        (layer("LRN", "lrn_param { local_size: 0 }"), {}, "an odd local_size, found 0"),
        (layer("LRN", "lrn_param { alpha: inf }"), {}, "finite alpha, beta and k"),
        (layer("Concat", "concat_param { axis: 1 concat_dim: 1 }"), {}, "axis or concat_dim"),
        (layer("Eltwise"), {}, "expected 2 to 1000 bottoms, found 1"),
        (layer("Concat", bottom=""), {}, "expected 1 to 1000 bottoms, found 0"),
        (layer("Eltwise", "eltwise_param { coeff: 1 }", "x x"), {}, "found 1 for the sum of 2"),
        (layer("Eltwise", "eltwise_param { operation: MAX coeff: [1, 1] }", "x x"), {},
         "found 2 for the max of 2"),
        (layer("Eltwise", "eltwise_param { coeff: [1, nan] }", "x x"), {}, "finite values of"),
        (layer("Flatten", name="f") + layer("Eltwise", "", "x f"), {},
         "bottoms of one shape, found 5x6x4, 1x1x120"),
        (layer("Flatten", name="f") + layer("Concat", "", "x f"), {},
         "one height and width, found 5x6x4, 1x1x120"),
        (layer("Concat", bottom="x " * 16384 + "x"), {}, "expected 1 to 1000 bottoms"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_format_error(
    tmp_path: Path, text: str, weights: Weights, words: str
) -> None:
    with pytest.raises(FileFormatError, match=words):
        build(tmp_path, text, weights)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (layer("BatchNorm", "batch_norm_param { use_global_stats: false }"), "use_global_stats"),
        (layer("Scale", "scale_param { axis: 2 }"), "a Scale over 1 axes from axis 2"),
        (layer("Scale", "scale_param { num_axes: -1 }"), "a Scale over -1 axes from axis 1"),
        (layer("Concat", "concat_param { axis: 2 }", "x x"), "concatenation along axis 2"),
        (layer("Concat", "concat_param { concat_dim: 0 }", "x x"), "concatenation along axis 0"),
        (layer("Flatten", "flatten_param { axis: 2 }"), "a Flatten from axis 2 to -1"),
        (layer("Flatten", "flatten_param { end_axis: -2 }"), "a Flatten from axis 1 to -2"),
        (layer("Reshape", "reshape_param { shape { dim: [0, 0, 30] } }"), "other than to a vector"),
        (layer("Reshape", "reshape_param { shape { dim: [0, 7] } }"), "other than to a vector"),
        (layer("Reshape", "reshape_param { shape { dim: [0, -1, -1] } }"), "other than to a"),
        (layer("Reshape", "reshape_param { shape { dim: [0, -7] } }"), "other than to a vector"),
        (layer("Reshape", "reshape_param { shape { dim: [1, 1, 1, 1, 0] } }"), "other than to"),
        (layer("Reshape", "reshape_param { axis: 9 }"), "other than to a vector"),
        (layer("Reshape", "reshape_param { axis: 1 num_axes: -9 }"), "other than to a vector"),
        (layer("Reshape"), "other than to a vector"),
        (layer("InnerProduct", "inner_product_param { num_output: 1 axis: -1 }"), "over axis -1"),
    ],
)
def test_what_qrig_does_not_know_is_unsupported(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnsupportedNetworkError, match=rf"prototxt:2: layer 'y': .*{words}"):
        build(tmp_path, text)


def test_a_scale_by_a_second_tensor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected one bottom, found 2"):
        build(tmp_path, layer("Scale", "", "x x"))
