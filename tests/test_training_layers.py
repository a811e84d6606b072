"""Every layer type in training: values and gradients, against formulas written here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qrig.errors import FileFormatError

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch

from qrig.training.context import Moment
from qrig.training.parameters import Parameters
from training_layers import LABELS, SCORES, SHARED, build, judge, layer, run, two


def images(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=shape).round(3)


def pooled(x: Any, method: str, k: int, s: int, p: int, *, ceil: bool = True) -> Any:
    """Pool (n, c, h, w) by loops, as the format's text says."""
    h, w = x.shape[2:]

    def count(side: int) -> int:
        span = side + 2 * p - k
        out = (-(-span // s) if ceil else span // s) + 1
        return out - 1 if p and (out - 1) * s >= side + p else out

    out = np.zeros((*x.shape[:2], count(h), count(w)))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            y, z = i * s - p, j * s - p
            window = x[:, :, max(y, 0) : min(y + k, h), max(z, 0) : min(z + k, w)]
            if method == "MAX":
                out[:, :, i, j] = window.max(axis=(2, 3))
            else:
                area = (min(y + k, h + p) - y) * (min(z + k, w + p) - z)
                out[:, :, i, j] = window.sum(axis=(2, 3)) / area
    return out


@pytest.mark.parametrize("method", ["MAX", "AVE"])
@pytest.mark.parametrize(
    ("k", "s", "p", "ceil"),
    [
        (2, 2, 0, True),
        (3, 2, 0, True),
        (3, 2, 0, False),
        (3, 2, 1, True),
        (3, 1, 2, True),  # more padding than PyTorch's own pooling takes
        (4, 3, 3, False),
        (5, 3, 2, True),
        (1, 1, 0, True),
    ],
)
def test_pooling_is_caffes(method: str, k: int, s: int, p: int, ceil: bool) -> None:
    x = images(2, 3, 8, 7)
    text = layer(
        "Pooling",
        f"pooling_param {{ pool: {method} kernel_size: {k} stride: {s} pad: {p} "
        f"round_mode: {'CEIL' if ceil else 'FLOOR'} }}",
    )
    assert np.allclose(run(text, x)["out"], pooled(x, method, k, s, p, ceil=ceil), atol=1e-6)


@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_global_pooling_takes_the_whole_image(method: str) -> None:
    x = images(2, 3, 4, 5)
    found = run(layer("Pooling", f"pooling_param {{ pool: {method} global_pooling: true }}"), x)
    wanted = x.max(axis=(2, 3)) if method == "MAX" else x.mean(axis=(2, 3))
    assert np.allclose(found["out"][:, :, 0, 0], wanted, atol=1e-6)


def test_a_convolution_has_groups_dilation_and_sides_of_its_own() -> None:
    x = images(2, 4, 9, 8)
    parameters = Parameters(1)
    text = layer(
        "Convolution",
        "convolution_param { num_output: 6 group: 2 dilation: 2 kernel_h: 3 kernel_w: 2 "
        'stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 2 weight_filler { type: "gaussian" } '
        'bias_filler { type: "uniform" min: -1 } }',
    )
    found = run(text, x, parameters=parameters)["out"]
    weights, bias = (blob.astype(np.float64) for blob in parameters.weights()["l"])
    assert weights.shape == (6, 2, 3, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
    wanted = np.zeros((2, 6, (9 + 2 - 5) // 2 + 1, 8 + 4 - 3 + 1))
    for o in range(6):
        for i, j, c in np.ndindex(3, 2, 2):
            plane = padded[:, o // 3 * 2 + c, 2 * i :: 2, 2 * j :]
            wanted[:, o] += weights[o, c, i, j] * plane[:, : wanted.shape[2], : wanted.shape[3]]
    assert np.allclose(found, wanted + bias[None, :, None, None], atol=1e-4)


def test_a_transposed_inner_product_has_transposed_weights() -> None:
    x = images(3, 2, 2, 2)
    parameters = Parameters(1)
    text = layer(
        "InnerProduct",
        'inner_product_param { num_output: 5 transpose: true weight_filler { type: "xavier" } }',
    )
    found = run(text, x, parameters=parameters)["out"]
    weights, bias = parameters.weights()["l"]
    assert weights.shape == (8, 5)
    assert np.allclose(found, x.reshape(3, 8) @ weights + bias, atol=1e-6)


def test_elementwise_layers() -> None:
    x = images(2, 3, 4, 4)
    leaky = run(layer("ReLU", "relu_param { negative_slope: 0.1 }"), x)["out"]
    assert np.allclose(leaky, np.where(x > 0, x, 0.1 * x), atol=1e-6)
    assert np.allclose(run(layer("ReLU"), x)["out"], np.maximum(x, 0), atol=1e-6)
    assert np.allclose(run(layer("Sigmoid"), x)["out"], 1 / (1 + np.exp(-x)), atol=1e-6)
    assert np.allclose(run(layer("TanH"), x)["out"], np.tanh(x), atol=1e-6)
    powers = np.exp(x)
    found = run(layer("Softmax"), x)["out"]
    assert np.allclose(found, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_lrn_across_channels() -> None:
    x = images(2, 7, 3, 3)
    text = layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }")
    sums = np.pad(x * x, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = sums[:, :-2] + sums[:, 1:-1] + sums[:, 2:]
    assert np.allclose(run(text, x)["out"], x / (2 + 0.5 / 3 * sums) ** 0.75, atol=1e-6)


def test_lrn_within_channels() -> None:
    x = images(2, 3, 6, 5)
    text = layer(
        "LRN", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }"
    )
    means = pooled(x * x, "AVE", 5, 1, 2)
    assert np.allclose(run(text, x)["out"], x / (1 + 0.5 * means) ** 0.75, atol=1e-6)


def test_batch_norm_in_training_and_tests() -> None:
    x = images(4, 3, 5, 5)
    parameters = Parameters(1)
    text = layer("BatchNorm", "batch_norm_param { moving_average_fraction: 0.9 eps: 0.01 }")
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))

    def normalised(mean: Any, variance: Any) -> Any:
        return (x - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 0.01)

    net = build(text, x.shape, parameters=parameters)
    batch = {"data": torch.tensor(x, dtype=torch.float32), "label": torch.zeros(4)}
    for _ in range(2):
        found = net.forward(batch, Moment(1, 0)).outputs["out"].numpy()
        assert np.allclose(found, normalised(mean, variance), atol=1e-5)
    weight = 0.9 + 1
    unbiased = variance * 100 / 99
    blobs = parameters.weights()["l"]
    assert blobs[2] == pytest.approx(weight)
    assert np.allclose(blobs[0], weight * mean, atol=1e-5)
    assert np.allclose(blobs[1], weight * unbiased, atol=1e-5)
    found = run(text, x, testing=True, parameters=parameters)["out"]
    assert np.allclose(found, normalised(mean, unbiased), atol=1e-5)
    assert [parameter.lr_mult for parameter in parameters.learnable] == [0, 0, 0]


def test_scale_has_a_factor_and_a_bias_for_every_channel() -> None:
    x = images(2, 3, 4, 4)
    parameters = Parameters(1)
    text = layer("Scale", "scale_param { bias_term: true }")
    assert np.allclose(run(text, x, parameters=parameters)["out"], x, atol=1e-6)  # 1 and 0
    parameters.load(
        {"l": [np.array([1, 2, 3], dtype=np.float32), np.array([4, 5, 6], dtype=np.float32)]},
        "test",
    )
    wanted = x * np.array([1, 2, 3])[:, None, None] + np.array([4, 5, 6])[:, None, None]
    assert np.allclose(run(text, x, parameters=parameters)["out"], wanted, atol=1e-5)


def test_concat_and_eltwise() -> None:
    x = images(2, 3, 4, 4)
    y = np.where(x > 0, x, 2 * x)
    both = ("data", "r")
    found = run(two(layer("Concat", bottoms=both)), x)["out"]
    assert np.allclose(found, np.concatenate([x, y], axis=1), atol=1e-6)
    found = run(two(layer("Concat", "concat_param { axis: 2 }", both)), x)["out"]
    assert np.allclose(found, np.concatenate([x, y], axis=2), atol=1e-6)
    text = layer("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }", both)
    assert np.allclose(run(two(text), x)["out"], 2 * x - y, atol=1e-6)
    for operation, wanted in (("PROD", x * y), ("MAX", np.maximum(x, y)), ("SUM", x + y)):
        text = layer("Eltwise", f"eltwise_param {{ operation: {operation} }}", both)
        assert np.allclose(run(two(text), x)["out"], wanted, atol=1e-6)


def test_flatten_split_and_silence() -> None:
    x = images(2, 3, 4, 4)
    assert np.allclose(run(layer("Flatten"), x)["out"], x.reshape(2, -1), atol=1e-6)
    text = 'layer { name: "s" type: "Split" bottom: "data" top: "a" top: "b" }'
    found = run(text, x)
    assert set(found) == {"a", "b"}
    silence = 'layer { name: "q" type: "Silence" bottom: "a" bottom: "b" }'
    assert run(text + silence, x) == {}


def test_dropout_drops_in_training_alone_and_the_same_for_a_moment() -> None:
    x = np.ones((50, 40))
    text = layer("Dropout", "dropout_param { dropout_ratio: 0.25 }")
    found = run(text, x)["out"]
    assert set(np.unique(found)) == {0, np.float32(1 / 0.75)}
    assert 0.2 < np.mean(found == 0) < 0.3
    assert np.array_equal(run(text, x)["out"], found)
    assert np.array_equal(run(text, x, testing=True)["out"], x)
    net = build(text, x.shape)
    batch = {"data": torch.ones(50, 40), "label": torch.zeros(50)}
    assert not np.array_equal(net.forward(batch, Moment(1, 1)).outputs["out"].numpy(), found)
    assert not np.array_equal(net.forward(batch, Moment(2, 0)).outputs["out"].numpy(), found)


def test_a_tie_counts_as_wrong() -> None:
    assert run(judge("Accuracy"), SCORES, LABELS)["out"] == 0.25
    text = judge("Accuracy", "accuracy_param { top_k: 2 }")
    assert run(text, SCORES, LABELS)["out"] == 0.75  # three alike are too many for two places
    text = judge("Accuracy", "accuracy_param { ignore_label: 2 }")
    assert run(text, SCORES, LABELS)["out"] == pytest.approx(1 / 3)


def test_scores_that_are_no_numbers_are_wrong() -> None:
    assert run(judge("Accuracy"), [[float("nan")] * 3] * 4, LABELS)["out"] == 0


@pytest.mark.parametrize(
    ("rest", "divisor", "ignored"),
    [
        ("", 4, None),
        ("loss_param { ignore_label: 1 }", 2, 1),
        ("loss_param { ignore_label: 1 normalization: FULL }", 4, 1),
        ("loss_param { ignore_label: 1 normalization: BATCH_SIZE }", 4, 1),
        ("loss_param { normalization: NONE }", 1, None),
        ("loss_param { normalize: false }", 4, None),
        ("loss_param { ignore_label: 1 normalize: true }", 2, 1),
    ],
)
def test_the_loss_is_normalised_as_asked(rest: str, divisor: int, ignored: int | None) -> None:
    scores = np.array(SCORES)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    kept = [row for row in range(4) if LABELS[row] != ignored]
    wanted = -sum(logs[row, LABELS[row]] for row in kept) / divisor
    found = run(judge("SoftmaxWithLoss", rest), SCORES, LABELS)
    assert found["out"] == pytest.approx(wanted, rel=1e-6)


def test_a_loss_weight_multiplies_what_is_made_smaller() -> None:
    net = build(judge("SoftmaxWithLoss", "loss_weight: 3"), (4, 3))
    batch = {"data": torch.tensor(SCORES), "label": torch.tensor(LABELS)}
    passed = net.forward(batch, Moment(1, 0))
    assert float(passed.loss) == pytest.approx(3 * float(passed.outputs["out"]))


def test_gradients_stop_where_the_definition_says() -> None:
    text = """
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" propagate_down: %s
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "b" bottom: "label" top: "loss" }
"""
    for passed in (True, False):
        parameters = Parameters(1)
        net = build(text % str(passed).lower(), (4, 3), parameters=parameters)
        batch = {"data": torch.tensor(SCORES), "label": torch.tensor(LABELS)}
        loss = net.forward(batch, Moment(1, 0)).loss
        values = [parameter.values for parameter in parameters.learnable]
        found = torch.autograd.grad(loss, values, allow_unused=True)
        assert [gradient is not None for gradient in found] == [passed, passed, True, True]


def test_labels_that_are_computed_are_checked_when_they_are_used() -> None:
    text = layer("ReLU", bottoms=("label",)) + (
        'layer { name: "s" type: "SoftmaxWithLoss" bottom: "data" bottom: "out" top: "loss" }'
    )
    assert set(run(text, SCORES, LABELS)) == {"loss"}
    with pytest.raises(FileFormatError, match="expected labels from 0 to 2, found 3"):
        run(text, SCORES, [0, 3, 1, 1])


def test_layers_share_blobs_by_name() -> None:
    parameters = Parameters(1)
    x = images(3, 4)
    found = run(SHARED % ("", 4), x, parameters=parameters)["b"]
    assert len(parameters.learnable) == 1
    weights = parameters.weights()
    assert np.array_equal(weights["a"][0], weights["b"][0])
    assert np.allclose(found, x @ weights["a"][0].T @ weights["a"][0].T, atol=1e-5)


FILLERS: dict[str, Any] = {
    'type: "constant" value: 0.5': lambda w: np.all(w == 0.5),
    'type: "uniform" min: -1 max: 3': lambda w: -1 <= w.min() < -0.95 and 2.95 < w.max() <= 3,
    'type: "gaussian" mean: 1 std: 0.5': lambda w: (
        abs(w.mean() - 1) < 0.02 and abs(w.std() - 0.5) < 0.02
    ),
    'type: "gaussian" sparse: 5': lambda w: 3 < np.mean(np.count_nonzero(w, axis=0)) < 7,
    'type: "xavier"': lambda w: 0.98 < w.max() / np.sqrt(3 / 200) <= 1,
    'type: "xavier" variance_norm: FAN_OUT': lambda w: 0.98 < w.max() / np.sqrt(3 / 50) <= 1,
    'type: "xavier" variance_norm: AVERAGE': lambda w: 0.98 < w.max() / np.sqrt(3 / 125) <= 1,
    'type: "msra"': lambda w: abs(w.std() / np.sqrt(2 / 200) - 1) < 0.03,
}


@pytest.mark.parametrize("filler", FILLERS)
def test_fillers(filler: str) -> None:
    parameters = Parameters(1)
    text = layer(
        "InnerProduct", f"inner_product_param {{ num_output: 50 weight_filler {{ {filler} }} }}"
    )
    build(text, (1, 200), parameters=parameters)
    weights, bias = parameters.weights()["l"]
    assert FILLERS[filler](weights)
    assert not bias.any()
