"""A network that is asked image by image: on a target, or by the reference on this machine."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from qrig.build import Kernels
from qrig.fixedpoint.network_file import CORRECT, semantics_of
from qrig.fixedpoint.quantized import Int8Array, QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics
from qrig.link.inference import RemoteTrace
from qrig.link.runtime import PixelFormat, RemoteImage
from qrig.networks.graph import Shape
from qrig.reference.image_transform import Image, Roi, sampled, transform
from qrig.reference.openmv import output_values
from qrig.reference.run import Trace, run_on_tensor
from qrig.reference.search import Detection, search
from qrig.runs.deploy import deploy
from qrig.runs.deployed import Deployed
from qrig.runs.networks import LoadedNetwork, load_network, with_softmax
from qrig.runs.shown import Box, Shown, as_image, as_roi
from qrig.runs.targets import NETWORK, Target, find_target

REFERENCE = "reference"
"""The target that is this machine: the reference in numpy."""

_FORMATS = {"gray": PixelFormat.GRAY, "rgb565": PixelFormat.RGB565, "rgb888": PixelFormat.RGB888}


class Runner(Protocol):
    """What computes a network: softmax or none, on any image."""

    def run(self, image: Image, roi: Roi, *, softmax: bool) -> Int8Array:
        """Return the output, int8 and flat."""

    def stop(self) -> None:
        """End it; harmless the second time."""


class ReferenceRunner:
    """The reference, in numpy on this machine."""

    def __init__(self, loaded: LoadedNetwork, semantics: Semantics) -> None:
        """Compute `loaded` with what `semantics` say."""
        self._plain = loaded.quantized
        self._with_softmax = with_softmax(loaded).quantized
        self._semantics = semantics

    def trace(self, image: Image, roi: Roi, *, softmax: bool) -> Trace:
        """Return every tensor of an inference."""
        network: QuantizedNetwork = self._with_softmax if softmax else self._plain
        return run_on_tensor(network, transform(image, roi, network.input), self._semantics)

    def run(self, image: Image, roi: Roi, *, softmax: bool) -> Int8Array:
        """Return the output, int8 and flat."""
        return self.trace(image, roi, softmax=softmax).tensors[-1].reshape(-1)

    def stop(self) -> None:
        """Have nothing to end."""


class Net:
    """A network and what computes it; use it in a `with` statement, or stop it yourself."""

    def __init__(self, loaded: LoadedNetwork, runner: Runner) -> None:
        """Ask `runner` for what `loaded` computes."""
        self.loaded = loaded
        self.runner = runner

    def __enter__(self) -> Net:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what computes the network."""
        self.stop()

    def __repr__(self) -> str:
        """Return the network's name and its shapes."""
        network = self.loaded.quantized
        return f"<Net {self.loaded.name}: {network.input.shape} -> {network.stages[-1].out_shape}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the outputs, as far as they are known."""
        return self.loaded.labels

    def forward(
        self, image: Shown, roi: Box | None = None, *, softmax: bool = False
    ) -> npt.NDArray[np.float64]:
        """Return one value from 0 to 1 per output: `(q + 128) / 255` of its integer, as OpenMV.

        `roi` is the part of the image that becomes the input, all of it by default; pixels are the
        nearest ones. Raises InputError for what is no image, TargetError.
        """
        return output_values(self.integers(image, roi, softmax=softmax))

    def integers(self, image: Shown, roi: Box | None = None, *, softmax: bool = False) -> Int8Array:
        """Return the outputs as they are computed: int8, flat; otherwise as `forward`."""
        shown = as_image(image)
        return self.runner.run(shown, as_roi(shown, roi), softmax=softmax)

    def search(
        self,
        image: Shown,
        roi: Box | None = None,
        *,
        threshold: float = 0.6,
        min_scale: float = 1.0,
        scale_mul: float = 0.5,
        x_overlap: float = 0.0,
        y_overlap: float = 0.0,
        contrast_threshold: float = 1.0,
        softmax: bool = False,
    ) -> tuple[Detection, ...]:
        """Return what is found in windows over `roi`; see `qrig.reference.search`."""
        shown = as_image(image)
        return search(
            shown,
            as_roi(shown, roi),
            lambda window: self.forward(shown, window, softmax=softmax),
            threshold=threshold,
            min_scale=min_scale,
            scale_mul=scale_mul,
            x_overlap=x_overlap,
            y_overlap=y_overlap,
            contrast_threshold=contrast_threshold,
        )

    def stop(self) -> None:
        """End what computes the network; harmless the second time."""
        self.runner.stop()


class TargetRunner:
    """A target with a firmware that loads networks; it is started by its first use."""

    def __init__(self, loaded: LoadedNetwork, target: Target) -> None:
        """Prepare to run `loaded` on `target`, and check that this is possible.

        Raises TargetUnavailableError, UnsupportedNetworkError and BuildError.
        """
        target.check_available()
        self._deployed = Deployed(target, deploy(loaded, target))
        self._is_started = False

    def run(self, image: Image, roi: Roi, *, softmax: bool) -> Int8Array:
        """Return the output, int8 and flat; raises TargetError."""
        trace = self.trace(image, roi, softmax=softmax, tensors=False)
        return np.frombuffer(trace.output, dtype=np.int8)

    def trace(self, image: Image, roi: Roi, *, softmax: bool, tensors: bool = True) -> RemoteTrace:
        """Return what the target computed, with every tensor if they are wanted."""
        if not self._is_started:
            self._deployed.__enter__()
            self._is_started = True
        sent = remote_image(image, roi)
        if len(sent.data) > self._deployed.image_room_bytes:
            shape = self._deployed.deployment.network.input.shape
            sent = remote_image(_shrunk(image, roi, shape), Roi(0, 0, shape.w, shape.h))
        return self._deployed.forward(sent, softmax=softmax, tensors=tensors)

    def stop(self) -> None:
        """Stop the target; harmless the second time."""
        if self._is_started:
            self._is_started = False
            self._deployed.__exit__(None, None, None)


def remote_image(image: Image, roi: Roi) -> RemoteImage:
    """Return a region of an image as the firmware takes it: the rest is not sent.

    Which pixels are the nearest depends on the region's size alone.
    """
    part = image.pixels[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w]
    return RemoteImage(part.tobytes(), _FORMATS[image.format], roi.w, roi.h, (0, 0, roi.w, roi.h))


def _shrunk(image: Image, roi: Roi, shape: Shape) -> Image:
    """Return the pixels that the firmware would take of a region, for one too large to be sent."""
    return Image(sampled(image.pixels, roi, shape.w, shape.h), image.format)


def load(
    network: str | Path,
    *,
    target: str = REFERENCE,
    dialect: str = CORRECT,
    scale: float | None = None,
    mean: str | None = None,
) -> Net:
    """Load a network and return what answers for it: on `target`, or by the reference.

    `network` is a `.network` file, a bundled name, or a folder with a network.toml. `dialect` is
    "correct", or "openmv" for what OpenMV's firmware made of such a file; `scale` and `mean` stand
    in for the network's own. A target is "board" or "board@backend". Raises InputError, BuildError
    and TargetUnavailableError; an unknown target is a UsageError.
    """
    factors = None if scale is None else (scale,)
    loaded = load_network(str(network), mean=mean, scale=factors, dialect=dialect)
    semantics = semantics_of(dialect)
    if target == REFERENCE:
        return Net(loaded, ReferenceRunner(loaded, semantics))
    chosen = attrs.evolve(find_target(target), kernels=Kernels(semantics), way=NETWORK)
    return Net(loaded, TargetRunner(loaded, chosen))
