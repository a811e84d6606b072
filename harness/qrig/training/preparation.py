"""From a solver to a trainer: its nets are built and their data read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import field, frozen

from qrig.datasets.augment import Augmentation
from qrig.datasets.image_set import ImageSet
from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.rules import TEST, TRAIN, layers_of_phase
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.solver import NetReference, Solver, read_net
from qrig.networks.graph import FloatArray, Shape
from qrig.training.data_layers import Given, feeds_of
from qrig.training.net import build_net
from qrig.training.parameters import Parameters
from qrig.training.snapshots import Snapshots, snapshots_of
from qrig.training.trainer import Fed, Trainer


@frozen(eq=False)
class Data:
    """What the nets are fed with where it is not what their data layers name (see `Given`)."""

    training: ImageSet | None = field(default=None, repr=False)
    tests: ImageSet | None = field(default=None, repr=False)
    input_shape: Shape | None = None
    mean: FloatArray | None = None
    augmentation: Augmentation | None = None

    def given(self, *, testing: bool) -> Given:
        """Return what is given for one phase."""
        return Given(
            self.tests if testing else self.training,
            self.input_shape,
            self.mean,
            None if testing else self.augmentation,
        )


def prepare(solver: Solver, data: Data, seed: int, out: Path | None) -> tuple[Trainer, Snapshots]:
    """Return a trainer at iteration 0 with weights from the fillers, and where its snapshots go.

    Raises InputError for a net that cannot be trained and for data that cannot be used.
    """
    parameters = Parameters(seed)
    train = _fed(solver, solver.train, TRAIN, data, parameters)
    path = train.net.definition.path
    if not any(weight for node in train.net.nodes for weight in node.loss_weights):
        raise FileFormatError(
            f"{path}: expected a layer with a loss in phase TRAIN, found none; correct the "
            "definition"
        )
    if not parameters.learnable:
        raise UnsupportedNetworkError(
            f"{path}: expected a layer with weights in phase TRAIN, found none; there is nothing "
            "to train"
        )
    learnable = tuple(parameters.learnable)  # what test nets alone have is not trained
    tests = [_fed(solver, reference, TEST, data, parameters) for reference in solver.tests]
    trainer = Trainer(solver, train, tests, parameters, learnable, seed)
    return trainer, snapshots_of(solver, _message(solver, train), out)


def _message(solver: Solver, train: Fed) -> Any:
    """Return the message of the net that is trained, with the layers of its phase alone."""
    definition, reference = train.net.definition, solver.train
    layers = layers_of_phase(definition, TRAIN, reference.level, reference.stages)
    made = message("NetParameter")()
    made.CopyFrom(definition.net)
    made.ClearField("layer")
    made.layer.extend(layer for _, layer in layers)
    return made


def _fed(
    solver: Solver, reference: NetReference, phase: int, data: Data, parameters: Parameters
) -> Fed:
    definition = read_net(solver, reference)
    layers = layers_of_phase(definition, phase, reference.level, reference.stages)
    given = data.given(testing=phase == TEST)
    feeds = feeds_of(definition, layers, phase == TEST, given, parameters.seed)
    samples = [feed.sample() for feed in feeds]
    batch = {top: tensor for sample in samples for top, tensor in sample.items()}
    net = build_net(definition, layers, phase, batch, parameters)
    for top, (classes, ignored) in net.labels.items():
        for feed, sample in zip(feeds, samples, strict=True):
            if top in sample:
                feed.check_labels(top, classes, ignored)
    return Fed(net, feeds, reference.iterations)
