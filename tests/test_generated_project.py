"""Generated C as a product would take it: no warning anywhere, no harness, the reference's bits."""

import itertools
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from branch_networks import BRANCHES, Branches, random_branches
from fast_networks import random_fast_network
from full_runs import FULL, FULL_RUN
from generated_projects import (
    KERNELS,
    LANGUAGES,
    WARNINGS,
    Library,
    build_program,
    check_results,
    our_library,
    run,
    sources_of,
    stand_in_library,
    write_files,
)
from hand_made import hand_made_network, separable_network
from kernel_networks import pooled_network
from qrig.build.cmsis_nn_limits import check_layers
from qrig.codegen.interfaces import CMSIS_NN_API
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.graph import Shape
from qrig.runs.networks import bundled_networks, load_network

COMPILERS = {
    "host": ("portable", ["gcc"]),
    "M4": ("cortex-m4", ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"]),
    "M7": ("cortex-m7", ["arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb"]),
}
FORMS = ("fast", "small", "library", CMSIS_NN_API)
_SEEDS = range(40 if FULL else 4)
_KERNEL = re.compile(r"(arm|qrig)_\w+|mem(cpy|set|move)|__aeabi_mem\w+")


def square() -> QuantizedNetwork:
    """Branches, tables and poolings that an original CMSIS-NN computes, tensors beyond 16 bits."""
    net = Branches(3, Shape(64, 64, 3))
    conv = net.convolution("data", 34, 1)
    both = net.sum(net.sigmoid(conv), net.tanh(conv), net.relu(conv))
    small = net.concat(net.pool(both, "average", 4, 4), net.pool(both, "max", 4, 4))
    last = net.convolution(net.pool(small, "average", 4, 4), 4)
    net.softmax(net.inner_product(net.inner_product(net.relu(net.sum(last, last))), 3))
    return net.network("square")


def networks() -> list[QuantizedNetwork]:
    return [
        *(load_network(name).quantized for name in bundled_networks()),
        *(hand_made_network(), separable_network(), pooled_network(), square()),
        *BRANCHES.values(),
        *map(random_fast_network, _SEEDS),
        *map(random_branches, _SEEDS),
    ]


NETWORKS = {network.name: network for network in networks()}
COMPILED = ("lenet-mnist", "separable", "pooled", "inception", "gates", "fast-3")


def _made(network: QuantizedNetwork, form: str, core: str) -> dict[str, str]:
    if form == CMSIS_NN_API:
        return sources_of(network, api=CMSIS_NN_API, core=core, plan="library")
    return sources_of(network, plan=form, core=core)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", COMPILED)
def test_no_compiler_warns(name: str, form: str, tmp_path: Path) -> None:
    for target, (core, compiler) in COMPILERS.items():
        folder = tmp_path / target
        sources = write_files(folder, _made(NETWORKS[name], form, core))
        kinds = list(LANGUAGES.values())
        for language, hook in [*((kind, ()) for kind in kinds), (kinds[0], ("-DNETWORK_HOOK",))]:
            options = [*WARNINGS, "-O2", "-fsyntax-only", *hook, "-I.", f"-I{KERNELS}"]
            run([*compiler, *options, *language, *sources], folder)


@pytest.mark.parametrize("target", COMPILERS)
def test_headers_stand_alone(target: str, tmp_path: Path) -> None:
    for header in KERNELS.glob("*.h"):
        (tmp_path / "only.c").write_text(f'#include "{header.name}"\n')
        for language in LANGUAGES.values():
            options = [*WARNINGS, "-fsyntax-only", f"-I{KERNELS}", *language]
            run([*COMPILERS[target][1], *options, "only.c"], tmp_path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", ["M4", "M7"])
def test_nothing_but_kernels_is_called(target: str, form: str, tmp_path: Path) -> None:
    core, compiler = COMPILERS[target]
    files = _made(NETWORKS["inception"], form, core)
    write_files(tmp_path, files)
    command = [*compiler, "-fno-exceptions", "-I.", f"-I{KERNELS}"]
    own: set[str] = set()
    if "network_kernels.S" in files:
        run([*command, "-c", "network_kernels.S"], tmp_path)
        own = _symbols(tmp_path / "network_kernels.o", "--defined-only")
    for language, level in itertools.product(LANGUAGES.values(), ("-O0", "-O2")):
        run([*command, level, *language, "-c", "network.c"], tmp_path)
        called = _symbols(tmp_path / "network.o", "--undefined-only")
        assert {name for name in called - own if not _KERNEL.fullmatch(name)} == set()
        assert own <= called
        if form == CMSIS_NN_API:
            assert {name for name in called if name.startswith("qrig")} == set()


def _symbols(path: Path, which: str) -> set[str]:
    names = run(["arm-none-eabi-nm", which, path.name], path.parent).decode()
    return {line.split()[-1] for line in names.splitlines()}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Library]:
    folder = tmp_path_factory.mktemp("libraries")
    return {
        "dsp": our_library(folder / "dsp", "dsp"),
        "portable": our_library(folder / "portable"),
        "stand-in": stand_in_library(folder / "stand_in"),
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_results_are_the_references(
    name: str, libraries: dict[str, Library], tmp_path: Path
) -> None:
    network = NETWORKS[name]
    forms = list(itertools.product(("fast", "small", "library"), ("dsp", "portable"), LANGUAGES))
    chosen = forms if FULL else [forms[(len(name) + 5 * step) % len(forms)] for step in range(2)]
    for plan, kernels, language in chosen:
        folder = tmp_path / f"{plan}-{kernels}-{language}"
        program = build_program(
            folder, sources_of(network, plan=plan), libraries[kernels], language
        )
        check_results(program, network)


def _admitted() -> list[str]:
    found = []
    for name, network in NETWORKS.items():
        try:
            check_layers(network, "")
        except UnsupportedNetworkError:
            continue
        found.append(name)
    return found


ADMITTED = _admitted()


@pytest.mark.parametrize("name", ADMITTED)
def test_cmsis_nn_s_functions_alone_do(
    name: str, libraries: dict[str, Library], tmp_path: Path
) -> None:
    network = NETWORKS[name]
    files = sources_of(network, api=CMSIS_NN_API)
    assert "qrig_" not in files["network.c"].replace("qrig generate", "")
    kernels = ["dsp", "stand-in"] if _stand_in_has(files["network.c"]) else ["portable"]
    for library, language in zip(kernels, LANGUAGES, strict=False):
        program = build_program(tmp_path / library, files, libraries[library], language)
        check_results(program, network)


def _stand_in_has(source: str) -> bool:
    return "_nonsquare(" not in source and "depthwise_separable" not in source


def test_the_stand_in_computes_some() -> None:
    made = [sources_of(NETWORKS[name], api=CMSIS_NN_API)["network.c"] for name in ADMITTED]
    calls = {call for text in made if _stand_in_has(text) for call in re.findall(r"arm_\w+", text)}
    assert {
        *("arm_convolve_HWC_q7_RGB", "arm_convolve_HWC_q7_basic", "arm_convolve_HWC_q7_fast"),
        *("arm_maxpool_q7_HWC", "arm_avepool_q7_HWC", "arm_relu_q7", "arm_softmax_q7"),
        *("arm_fully_connected_q7", "arm_fully_connected_q7_opt", "arm_nn_activations_direct_q7"),
    } <= calls
    assert len(ADMITTED) > 8


@pytest.mark.parametrize(
    "semantics",
    [
        Semantics("c", "5.4"),
        pytest.param(Semantics(truncate=True), marks=FULL_RUN),
        pytest.param(Semantics(softmax="5.4"), marks=FULL_RUN),
    ],
    ids=str,
)
def test_other_semantics(semantics: Semantics, tmp_path: Path) -> None:
    library = our_library(tmp_path / "library", "dsp", semantics)
    for name in ("inception", "square", "residual"):
        network = NETWORKS[name]
        files = sources_of(network, semantics=semantics)
        check_results(build_program(tmp_path / name, files, library), network, semantics)
    files = sources_of(NETWORKS["square"], semantics=semantics, api=CMSIS_NN_API)
    program = build_program(tmp_path / "legacy", files, library)
    if semantics.pooling == "dsp":
        check_results(program, NETWORKS["square"], semantics)


@pytest.mark.parametrize(
    ("semantics", "given"),
    [
        (DEFAULT, "-DARM_NN_TRUNCATE"),
        (DEFAULT, "-DQRIG_POOLING_C"),
        (DEFAULT, "-DQRIG_SOFTMAX_5_4"),
        (Semantics(truncate=True), "-DNONE"),
        (Semantics("c"), "-DNONE"),
        (Semantics(softmax="5.4"), "-DNONE"),
    ],
)
def test_semantics_that_kernels_do_not_have_are_not_compiled(
    semantics: Semantics, given: str, tmp_path: Path
) -> None:
    write_files(tmp_path, sources_of(hand_made_network(), semantics=semantics))
    command = ["gcc", "-fsyntax-only", "-I.", f"-I{KERNELS}", given, "network.c"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "#error" in result.stderr
    right = [f"-D{name}" for name in semantics.definitions]
    run(["gcc", "-fsyntax-only", "-I.", f"-I{KERNELS}", *right, "network.c"], tmp_path)


def test_a_mean_image_and_a_scale(libraries: dict[str, Library], tmp_path: Path) -> None:
    import attrs

    network = hand_made_network()
    numbers = np.random.default_rng(4)
    mean = numbers.integers(-300, 400, network.input.shape).astype(np.int16)
    source = attrs.evolve(network.input, mean=mean, multiplier=-77, shift=6)
    network = attrs.evolve(network, input=source)
    for api, library in (("qrig", "dsp"), (CMSIS_NN_API, "stand-in")):
        files = sources_of(network, api=api)
        assert files["network.c"] == sources_of(hand_made_network(), api=api)["network.c"]
        check_results(build_program(tmp_path / api, files, libraries[library]), network)
