"""Training in plain float64 numpy: gradients of a few layers, and Caffe's six update rules.

Written from the formulas of the format alone; shares no code with qrig.training. Tensors are
(n, c, h, w) or (n, c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Conv:
    def __init__(self, weights: Array, bias: Array, pad: int, stride: int = 1) -> None:
        self.blobs = [weights, bias]
        self.pad, self.stride = pad, stride

    def _padded(self, x: Array) -> Array:
        return np.pad(x, ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad)))

    def forward(self, x: Array) -> Array:
        weights, bias = self.blobs
        self.x = self._padded(x)
        k, s = weights.shape[2], self.stride
        self.size = [(side - k) // s + 1 for side in self.x.shape[2:]]
        out = np.zeros((len(x), len(weights), *self.size))
        for i in range(k):
            for j in range(k):
                out += np.einsum("oc,nchw->nohw", weights[:, :, i, j], self._tap(self.x, i, j))
        return out + bias[None, :, None, None]

    def _tap(self, x: Array, i: int, j: int) -> Array:
        (h, w), s = self.size, self.stride
        return x[:, :, i : i + (h - 1) * s + 1 : s, j : j + (w - 1) * s + 1 : s]

    def backward(self, d: Array) -> tuple[Array, list[Array]]:
        weights = self.blobs[0]
        dw, dx = np.zeros_like(weights), np.zeros_like(self.x)
        for i in range(weights.shape[2]):
            for j in range(weights.shape[3]):
                dw[:, :, i, j] = np.einsum("nohw,nchw->oc", d, self._tap(self.x, i, j))
                self._tap(dx, i, j)[...] += np.einsum("oc,nohw->nchw", weights[:, :, i, j], d)
        p = self.pad
        inner = dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]
        return inner, [dw, d.sum(axis=(0, 2, 3))]


class Pool:
    """Windows of `k` every `s`, as many as are needed to reach every pixel, clipped."""

    blobs: tuple[Array, ...] = ()

    def __init__(self, method: str, k: int, s: int) -> None:
        self.method, self.k, self.s = method, k, s

    def _windows(self, x: Array) -> Iterable[tuple[int, int, int, int]]:
        for y in range(-(-(x.shape[2] - self.k) // self.s) + 1):
            for z in range(-(-(x.shape[3] - self.k) // self.s) + 1):
                yield y, z, y * self.s, z * self.s

    def forward(self, x: Array) -> Array:
        self.x = x
        places = list(self._windows(x))
        out = np.zeros((*x.shape[:2], places[-1][0] + 1, places[-1][1] + 1))
        for y, z, top, left in places:
            window = x[:, :, top : top + self.k, left : left + self.k]
            reduced = window.max(axis=(2, 3)) if self.method == "max" else window.mean(axis=(2, 3))
            out[:, :, y, z] = reduced
        return out

    def backward(self, d: Array) -> tuple[Array, list[Array]]:
        dx = np.zeros_like(self.x)
        n, c = (index.ravel() for index in np.indices(self.x.shape[:2]))
        for y, z, top, left in self._windows(self.x):
            part = dx[:, :, top : top + self.k, left : left + self.k]
            if self.method == "max":
                window = self.x[:, :, top : top + self.k, left : left + self.k]
                rows, width = window.reshape(len(n), -1), window.shape[3]
                first = rows.argmax(axis=1)
                part[n, c, first // width, first % width] += d[:, :, y, z].ravel()
            else:
                part += d[:, :, y, z][:, :, None, None] / (part.shape[2] * part.shape[3])
        return dx, []


class ReLU:
    blobs: tuple[Array, ...] = ()

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.where(x > 0, x, 0)

    def backward(self, d: Array) -> tuple[Array, list[Array]]:
        return d * (self.x > 0), []


class InnerProduct:
    def __init__(self, weights: Array, bias: Array) -> None:
        self.blobs = [weights, bias]

    def forward(self, x: Array) -> Array:
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.blobs[0].T + self.blobs[1]

    def backward(self, d: Array) -> tuple[Array, list[Array]]:
        return (d @ self.blobs[0]).reshape(self.shape), [d.T @ self.x, d.sum(axis=0)]


def softmax_loss(scores: Array, labels: npt.NDArray[np.int64]) -> tuple[float, Array]:
    """Return the mean of minus the logarithm of the labels' probabilities, and its gradient."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(p[rows, labels]).mean())
    p[rows, labels] -= 1
    return loss, p / len(labels)


def gradients(
    layers: list[Any], x: Array, labels: npt.NDArray[np.int64]
) -> tuple[float, list[Array]]:
    """Return the loss of a batch and its gradient for every blob, in the order of the layers."""
    for layer in layers:
        x = layer.forward(x)
    loss, d = softmax_loss(x, labels)
    found: list[list[Array]] = []
    for layer in reversed(layers):
        d, own = layer.backward(d)
        found.insert(0, own)
    return loss, [gradient for own in found for gradient in own]


Rule = Callable[[Array, Array, list[Array], float, int, dict[str, float]], None]


def sgd(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    h[0][...] = o["momentum"] * h[0] + r * g
    w -= h[0]


def nesterov(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    mu, old = o["momentum"], h[0].copy()
    h[0][...] = mu * old + r * g
    w -= (1 + mu) * h[0] - mu * old


def adagrad(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    h[0][...] = h[0] + g * g
    w -= r * g / (np.sqrt(h[0]) + o["delta"])


def rmsprop(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    h[0][...] = o["rms_decay"] * h[0] + (1 - o["rms_decay"]) * g * g
    w -= r * g / (np.sqrt(h[0]) + o["delta"])


def adadelta(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    mu, delta = o["momentum"], o["delta"]
    h[0][...] = mu * h[0] + (1 - mu) * g * g
    u = g * np.sqrt((h[1] + delta) / (h[0] + delta))
    h[1][...] = mu * h[1] + (1 - mu) * u * u
    w -= r * u


def adam(w: Array, g: Array, h: list[Array], r: float, t: int, o: dict[str, float]) -> None:
    mu, beta = o["momentum"], o["momentum2"]
    h[0][...] = mu * h[0] + (1 - mu) * g
    h[1][...] = beta * h[1] + (1 - beta) * g * g
    correction = np.sqrt(1 - beta ** (t + 1)) / (1 - mu ** (t + 1))
    w -= r * correction * h[0] / (np.sqrt(h[1]) + o["delta"])


RULES: dict[str, Rule] = {
    "SGD": sgd,
    "Nesterov": nesterov,
    "AdaGrad": adagrad,
    "RMSProp": rmsprop,
    "AdaDelta": adadelta,
    "Adam": adam,
}


def train(
    layers: list[Any],
    batches: Callable[[int], tuple[Array, npt.NDArray[np.int64]]],
    kind: str,
    iterations: int,
    rate: Callable[[int], float],
    options: dict[str, float],
    lr_mults: Sequence[float],
    decay_mults: Sequence[float],
    *,
    iter_size: int = 1,
    lasso: bool = False,
    clip: float = -1,
) -> list[float]:
    """Train the layers' blobs in place and return the loss of every iteration."""
    blobs = [blob for layer in layers for blob in layer.blobs]
    history = [[np.zeros_like(blob), np.zeros_like(blob)] for blob in blobs]
    losses = []
    for t in range(iterations):
        total = [np.zeros_like(blob) for blob in blobs]
        loss = 0.0
        for part in range(iter_size):
            one, found = gradients(layers, *batches(t * iter_size + part))
            loss += one / iter_size
            for into, gradient in zip(total, found, strict=True):
                into += gradient
        norm = np.sqrt(sum(float((gradient**2).sum()) for gradient in total))
        if 0 <= clip < norm:
            total = [gradient * clip / norm for gradient in total]
        for blob, gradient, slots, lr, decay in zip(
            blobs, total, history, lr_mults, decay_mults, strict=True
        ):
            g = gradient / iter_size
            g = g + options["weight_decay"] * decay * (np.sign(blob) if lasso else blob)
            RULES[kind](blob, g, slots, rate(t) * lr, t, options)
        losses.append(loss)
    return losses
