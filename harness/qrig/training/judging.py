"""Layers that judge: SoftmaxWithLoss and Accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from qrig.training.context import Context, Moment, Operation


def softmax_loss(context: Context) -> Operation:
    """Build a SoftmaxWithLoss: minus the logarithm of the label's probability, normalised.

    The sum over the batch is divided by the count the normalization names: all labels (FULL), those
    not ignored (VALID), the images (BATCH_SIZE), or one (NONE).
    """
    axis = _checked_axis(context, context.layer.softmax_param.axis)
    param = context.layer.loss_param
    ignored = param.ignore_label if param.HasField("ignore_label") else None
    count = _normalizer(param)

    def compute(bottoms: Sequence[Tensor], moment: Moment) -> Sequence[Tensor]:
        scores, labels = bottoms[0], _beside(bottoms[0], bottoms[1], axis)
        logs = torch.log_softmax(scores, axis)
        valid = torch.ones_like(labels, dtype=torch.bool) if ignored is None else labels != ignored
        wanted = _named(context, torch.where(valid, labels, 0), scores.shape[axis])
        chosen = logs.gather(axis, wanted.unsqueeze(axis)).squeeze(axis)
        total = -(chosen * valid).sum()
        loss = total / max(1.0, float(count(valid)))
        return (loss, torch.softmax(scores, axis))[: max(1, len(context.layer.top))]

    return compute


def _normalizer(param: Any) -> Callable[[Tensor], float]:
    """Return what the summed loss is divided by, of which labels (n, ...) are valid."""
    chosen = int(param.normalization)
    if not param.HasField("normalization") and param.HasField("normalize"):
        chosen = 1 if param.normalize else 2
    choices: tuple[Callable[[Tensor], float], ...] = (
        lambda valid: valid.numel(),
        lambda valid: int(valid.sum()),
        len,
        lambda valid: 1,
    )
    return choices[chosen]


def accuracy(context: Context) -> Operation:
    """Build an Accuracy: the share of labels among the top_k scores; a tie counts as wrong.

    A second top is the accuracy of every class, over the images that have it.
    """
    param = context.layer.accuracy_param
    axis = _checked_axis(context, param.axis)
    classes = context.shape[axis]
    ignored = param.ignore_label if param.HasField("ignore_label") else None
    if not 1 <= param.top_k <= classes:
        raise context.fail(f"a top_k of 1 to {classes}", str(param.top_k))

    def compute(bottoms: Sequence[Tensor], moment: Moment) -> Sequence[Tensor]:
        scores, labels = bottoms[0], _beside(bottoms[0], bottoms[1], axis)
        valid = torch.ones_like(labels, dtype=torch.bool) if ignored is None else labels != ignored
        wanted = _named(context, torch.where(valid, labels, 0), classes)
        own = scores.gather(axis, wanted.unsqueeze(axis))
        others = (scores >= own).sum(axis) - 1
        known = valid & ~own.squeeze(axis).isnan()
        right = ((others < param.top_k) & known).to(torch.float32)
        share = right.sum() / valid.sum().clamp(min=1)
        if len(context.layer.top) < 2:
            return (share,)
        seen = torch.bincount(wanted[valid], minlength=classes)
        hits = torch.bincount(wanted[right > 0], minlength=classes)
        return share, hits / seen.clamp(min=1)

    return compute


def _checked_axis(context: Context, axis: int) -> int:
    """Return the axis of the classes; raises unless every place beside it has one label."""
    if len(context.shapes) != 2:
        raise context.fail("two bottoms, scores and labels", str(len(context.shapes)))
    chosen = context.axis(axis)
    if chosen == 0:
        raise context.fail("classes on axis 1 or later", "axis 0")
    scores, labels = context.shapes
    if math.prod(labels) * scores[chosen] != math.prod(scores):
        raise context.fail(
            "one label for every image (and place)", f"scores {scores} and labels {labels}"
        )
    return chosen


def _named(context: Context, labels: Tensor, classes: int) -> Tensor:
    """Return the labels; raises FileFormatError for one that names no class.

    Labels that come from a file were checked by record; these may have been computed.
    """
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= classes:
        raise context.fail(f"labels from 0 to {classes - 1}", str(low if low < 0 else high))
    return labels


def _beside(scores: Tensor, labels: Tensor, axis: int) -> Tensor:
    """Return the labels int64 in the shape of the scores without the axis of the classes."""
    shape = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    return labels.reshape(shape).to(torch.int64)
