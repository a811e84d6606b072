"""Generated projects: written, compiled for this machine with any kernels, and run."""

import subprocess
from pathlib import Path

import attrs
import numpy as np
from attrs import frozen

from qrig.codegen import generate_network
from qrig.codegen.choose import plan_choices
from qrig.codegen.interfaces import CMSIS_NN_API, QRIG_API
from qrig.datasets.images import Pixels
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
)
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.reference import run_reference
from qrig.resources import firmware_root

KERNELS = firmware_root() / "kernels"
STAND_IN = Path(__file__).parent / "c" / "cmsis_nn_stand_in"
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
LANGUAGES = {"C99": ("-x", "c", "-std=c99"), "C++": ("-x", "c++", "-std=c++17")}
_TIMEOUT_S = 120
_MAIN = """#include "network.h"
#include <stdio.h>

static uint8_t pixels[NETWORK_INPUT_BYTES];
static q7_t result[NETWORK_OUTPUT_BYTES];

int main(void) {
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        int32_t status = network_run(pixels, result);
        if (status != 0) {
            return 1;
        }
        fwrite(result, 1, sizeof result, stdout);
    }
    return 0;
}
"""


@frozen
class Library:
    """Kernels for this machine: an archive, and the options that what calls it is compiled with."""

    archive: Path
    options: tuple[str, ...]


def build_library(folder: Path, sources: list[Path], options: tuple[str, ...]) -> Library:
    """Compile kernels into an archive; what calls them is compiled under sanitizers."""
    folder.mkdir(parents=True)
    command = ["gcc", "-O0", "-std=c11", *options, "-c", *map(str, sources)]
    run(command, folder)
    archive = folder / "libkernels.a"
    run(["ar", "rcs", str(archive), *(path.name for path in folder.glob("*.o"))], folder)
    return Library(archive, options)


def our_library(
    folder: Path, implementation: str = "portable", semantics: Semantics = DEFAULT
) -> Library:
    """Compile our kernels."""
    sources = [*KERNELS.glob("*.c"), *(KERNELS / implementation).glob("*.c")]
    options = [f"-I{KERNELS}", *(f"-D{name}" for name in semantics.definitions)]
    options += ["-DQRIG_PORTABLE"] if implementation == "portable" else []
    return build_library(folder, sources, tuple(options))


def stand_in_library(folder: Path) -> Library:
    """Compile what stands for an original CMSIS-NN."""
    includes = [STAND_IN / name for name in ("NN/Include", "Core/Include", "DSP/Include")]
    options = ("-DARM_MATH_CM4", *(f"-I{path}" for path in includes))
    return build_library(folder, list((STAND_IN / "NN" / "Source").glob("*/*.c")), options)


def run(command: list[str], folder: Path, data: bytes = b"") -> bytes:
    """Run a command in `folder`; it must end well and say nothing."""
    result = subprocess.run(
        command, cwd=folder, input=data, capture_output=True, timeout=_TIMEOUT_S, check=False
    )
    said = result.stderr.decode("utf-8", "replace")
    assert result.returncode == 0, said
    assert said == ""
    return result.stdout


def write_files(folder: Path, files: dict[str, str]) -> list[str]:
    """Write the files of a project; return which of them are compiled on this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [name for name in files if name.endswith(".c")]


def build_program(
    folder: Path, files: dict[str, str], library: Library, language: str = "C99"
) -> Path:
    """Compile a project with a main that answers images with results, and link it."""
    sources = write_files(folder, {**files, "main.c": _MAIN})
    options = [*SANITIZE, *WARNINGS, "-O1", "-g", "-I.", *library.options]
    run(["gcc", *options, *LANGUAGES[language], "-c", *sources], folder)
    objects = [name.replace(".c", ".o") for name in sources]
    run(["gcc", *SANITIZE, *objects, str(library.archive), "-o", "program"], folder)
    return folder / "program"


def check_results(program: Path, network: QuantizedNetwork, semantics: Semantics = DEFAULT) -> None:
    """Demand that a program computes what the reference does, image after image."""
    images = some_images(network)
    found = run([str(program)], program.parent, b"".join(image.tobytes() for image in images))
    wanted = [run_reference(network, image, semantics).tensors[-1].tobytes() for image in images]
    assert found == b"".join(wanted)


def some_images(network: QuantizedNetwork) -> list[Pixels]:
    """Return an image of noise, one of extremes, and one of noise again."""
    numbers = np.random.default_rng(network.input.shape.size)
    noise = [numbers.integers(0, 256, network.input.shape, dtype=np.uint8) for _ in range(3)]
    noise[1] = np.where(noise[1] < 128, 0, 255).astype(np.uint8)
    return noise


def sources_of(
    network: QuantizedNetwork,
    *,
    api: str = QRIG_API,
    plan: str = "fast",
    core: str = "portable",
    semantics: Semantics = DEFAULT,
) -> dict[str, str]:
    """Return the C of `network` by a plan."""
    choices = plan_choices(network, core, plan, truncate=semantics.truncate)
    chosen = {} if api == CMSIS_NN_API else choices
    return generate_network(network, semantics, choices=chosen, core=core, api=api, plan=plan)


def trained_again(network: QuantizedNetwork, seed: int) -> QuantizedNetwork:
    """Return a network of the same shape with other weights, biases, formats, mean and scale."""
    numbers = np.random.default_rng(seed)

    def other(layer: QuantizedLayer) -> QuantizedLayer:
        layer = attrs.evolve(layer, fraction_bits=layer.fraction_bits + seed)
        if not isinstance(
            layer, QuantizedConvolution | QuantizedDepthwiseConvolution | QuantizedInnerProduct
        ):
            return layer
        return attrs.evolve(
            layer,
            weights=numbers.integers(-9, 10, layer.weights.shape, dtype=np.int8),
            bias=numbers.integers(-99, 99, layer.bias.shape, dtype=np.int8),
            bias_shift=(layer.bias_shift + seed) % 6,
            output_shift=(layer.output_shift + seed) % 12,
        )

    source = attrs.evolve(
        network.input,
        mean=network.input.mean + seed,
        shift=network.input.shift + seed,
        fraction_bits=network.input.fraction_bits - seed,
    )
    return QuantizedNetwork(
        f"{network.name}-{seed}", source, tuple(other(layer) for layer in network.layers)
    )
