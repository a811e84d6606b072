"""A changed training: what stays of a generated project, and what is said of the rest."""

from pathlib import Path

import attrs
import numpy as np
import pytest

from branch_networks import BRANCHES
from fast_networks import random_fast_network
from generated_projects import build_program, check_results, our_library, trained_again
from hand_made import changed, hand_made_network
from kernel_networks import pooled_network
from qrig.codegen import make_layout
from qrig.codegen.choices import COLUMNS, SLIDING, Choice
from qrig.codegen.interfaces import APIS, CMSIS_NN_API
from qrig.codegen.record import read_record, used_choices
from qrig.codegen.tuning import Tuning
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork
from qrig.networks.graph import Pair, Shape
from qrig.runs.generate import Project, Wanted, generate_project
from qrig.runs.networks import load_network

TRAINED = ("weights.h", "parameter.h")


def networks() -> list[QuantizedNetwork]:
    names = ("inception", "residual", "gates")
    return [
        load_network("lenet-mnist").quantized,
        *(pooled_network(), hand_made_network()),
        *(BRANCHES[name] for name in names),
        *map(random_fast_network, range(3)),
    ]


def contents(project: Project) -> dict[str, str]:
    return {path.name: path.read_text() for path in project.folder.iterdir()}


def fates(project: Project, fate: str) -> set[str]:
    return {name for name, found in project.files.items() if found == fate}


@pytest.mark.parametrize("plan", ["fast", "small", "library"])
@pytest.mark.parametrize("network", networks(), ids=lambda network: network.name)
def test_other_weights_change_weights_and_parameters_alone(
    network: QuantizedNetwork, plan: str, tmp_path: Path
) -> None:
    first = trained_again(network, 1)  # weights as training makes them: mostly small
    generate_project(first, tmp_path / "net", Wanted(plan=plan, core="cortex-m7"))
    for seed in (2, 3):
        again = generate_project(trained_again(network, seed), tmp_path / "net", Wanted())
        assert fates(again, "changed") == set(TRAINED), again.files
        assert again.notices == ()


@pytest.mark.parametrize("api", APIS)
def test_the_claim_of_a_changed_training(api: str, tmp_path: Path) -> None:
    """Nothing but weights.h and parameter.h is replaced, and the result is the reference's."""
    library = our_library(tmp_path / "library")
    for number, network in enumerate((pooled_network(), hand_made_network())):
        out, wanted = tmp_path / f"net{number}", Wanted(api=api, core="portable")
        before = contents(generate_project(network, out, wanted))
        other = trained_again(network, 5)
        again = contents(generate_project(other, out, wanted))
        rest = {name: text for name, text in before.items() if name not in TRAINED}
        assert rest == {name: text for name, text in again.items() if name not in TRAINED}
        assert all(before[name] != again[name] for name in TRAINED)
        files = {name: text for name, text in again.items() if name != "README.md"}
        program = build_program(tmp_path / f"program{number}", files, library)
        check_results(program, other)
        with pytest.raises(AssertionError):
            check_results(program, network)


def test_a_mean_image_instead_of_values_is_no_other_code(tmp_path: Path) -> None:
    network = hand_made_network()
    generate_project(network, tmp_path / "net", Wanted())
    mean = np.arange(network.input.shape.size, dtype=np.int16).reshape(network.input.shape)
    source = attrs.evolve(network.input, mean=mean)
    again = generate_project(attrs.evolve(network, input=source), tmp_path / "net", Wanted())
    assert fates(again, "changed") == set(TRAINED)


def large(network: QuantizedNetwork, name: str) -> QuantizedNetwork:
    """Return the network with a bias of one convolution for which no filter leaves room."""
    for index, layer in enumerate(network.layers):
        if layer.name == name:
            assert isinstance(layer, QuantizedConvolution)
            bias = np.full_like(layer.bias, 100)
            return changed(network, index, bias=bias, bias_shift=23, output_shift=20)
    raise AssertionError(name)


def test_a_kernel_that_is_not_exact_any_more_is_told(tmp_path: Path) -> None:
    network = trained_again(load_network("lenet-mnist").quantized, 1)
    first = generate_project(network, tmp_path / "net", Wanted(core="portable"))
    kernels = used_choices(first.layout)
    assert {choice.kernel for choice in kernels.values()} == {SLIDING}
    other = large(trained_again(network, 2), "conv2")
    again = generate_project(other, tmp_path / "net", Wanted())
    now = used_choices(again.layout)
    assert now["conv1"] == kernels["conv1"]
    assert now["conv2"] != kernels["conv2"]
    (notice,) = again.notices
    assert notice.startswith(
        f"layer 'conv2' changed its kernel from '{kernels['conv2']}' to '{now['conv2']}': the "
        "former is not exact for these weights, for sums can reach 2^"
    )
    assert fates(again, "changed") >= {*TRAINED, "network.c"}
    files = {name: text for name, text in contents(again).items() if name != "README.md"}
    library = our_library(tmp_path / "library")
    check_results(build_program(tmp_path / "program", files, library), other)
    # Back with weights that allow it, the kernels that are there stay all the same.
    back = generate_project(network, tmp_path / "net", Wanted())
    assert used_choices(back.layout) == now
    assert fates(back, "changed") == set(TRAINED)
    replanned = generate_project(network, tmp_path / "net", Wanted(plan="small"))
    assert used_choices(replanned.layout)["conv2"].kernel == SLIDING
    assert len(replanned.notices) >= 1
    assert "not exact" not in "".join(replanned.notices)


def test_columns_with_a_shift_that_no_instruction_has(tmp_path: Path) -> None:
    network = pooled_network()
    tuning = Tuning(
        network.name, network_sha256(network), "cortex-m4", "t", "cycles",
        (("conv1", Choice(COLUMNS, staged=True)),),
    )  # fmt: skip
    generate_project(network, tmp_path / "net", Wanted(tunings=(tuning,)))
    again = generate_project(changed(network, 0, bias_shift=5), tmp_path / "net", Wanted())
    assert again.notices == ()
    assert used_choices(again.layout) == {"conv1": Choice(COLUMNS, staged=True)}
    assert fates(again, "changed") == set(TRAINED)
    assert "--plan tuned)" in contents(again)["network.c"]
    broken = generate_project(changed(network, 0, output_shift=32), tmp_path / "net", Wanted())
    assert broken.notices == (
        "layer 'conv1' changed its kernel from 'columns, staged' to 'library': the former is not "
        "exact for these weights, for the output shift is 32",
    )


def test_another_network_gets_kernels_of_its_own(tmp_path: Path) -> None:
    network = hand_made_network()
    generate_project(network, tmp_path / "net", Wanted(plan="library"))
    assert read_record((tmp_path / "net" / "network.c").read_text()) is not None
    conv = network.layers[0]
    assert isinstance(conv, QuantizedConvolution)
    wide = attrs.evolve(
        conv, out_shape=Shape(8, 8, 4), weights=conv.weights[:4], bias=conv.bias[:4]
    )
    other = attrs.evolve(network, layers=(wide,))
    again = generate_project(other, tmp_path / "net", Wanted(plan="fast"))
    assert again.notices == ()
    new = generate_project(other, tmp_path / "new", Wanted())
    assert contents(again) == contents(new)


def test_the_head_of_a_source_is_read_back(tmp_path: Path) -> None:
    network = BRANCHES["inception"]
    project = generate_project(network, tmp_path / "net", Wanted(plan="small"))
    text = contents(project)["network.c"]
    record = read_record(text)
    assert record is not None
    assert (record.api, record.core, record.plan) == ("qrig", "cortex-m4", "small")
    assert record.is_of(network)
    assert record.is_of(trained_again(network, 1))
    assert not record.is_of(changed(network, 0, pad=Pair(0, 0)))
    assert dict(record.kernels) == used_choices(project.layout)
    assert used_choices(make_layout(network, record.kernels)) == dict(record.kernels)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(--api", "(api"),
        ("conv1: sliding", "conv1: slid"),
        (" * Kernels:\n", " * Kernels:\n *   conv9: sliding 0\n"),
        (" * Kernels:\n", f" * Kernels:\n *   x: sliding {'9' * 500}\n"),
        ("/* The", "int x; /* The"),
    ],
)
def test_a_head_that_says_nothing(old: str, new: str, tmp_path: Path) -> None:
    project = generate_project(pooled_network(), tmp_path / "net", Wanted())
    text = contents(project)["network.c"]
    assert old in text
    spoilt = text.replace(old, new, 1)
    found = read_record(spoilt)
    assert found is None or new.startswith("int x")
    assert read_record("") is None


CHOICES = [
    *(Choice(), Choice(SLIDING, 4), Choice(SLIDING, 4, 3), Choice(SLIDING, 2, staged=True)),
    *(Choice(COLUMNS), Choice(COLUMNS, staged=True), Choice(SLIDING, 6, 12, staged=True)),
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_choices_are_read_from_their_words(choice: Choice) -> None:
    assert Choice.parse(str(choice)) == choice


@pytest.mark.parametrize(
    "text",
    ["", "magic", "sliding", "sliding 0", "columns 3", "library, 0 passes", "sliding 4,staged"],
)
def test_other_words_are_no_choice(text: str) -> None:
    assert Choice.parse(text) is None


def test_cmsis_nn_has_no_kernels_to_keep(tmp_path: Path) -> None:
    project = generate_project(pooled_network(), tmp_path / "net", Wanted(api=CMSIS_NN_API))
    assert "Kernels:" not in contents(project)["network.c"]
    again = generate_project(trained_again(pooled_network(), 1), tmp_path / "net", Wanted())
    assert fates(again, "changed") == set(TRAINED)
    ours = generate_project(pooled_network(), tmp_path / "net", Wanted(api="qrig"))
    assert used_choices(ours.layout)["conv1"].kernel != "library"
