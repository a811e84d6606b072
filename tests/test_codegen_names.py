"""Whatever layers are called, the generated C is C and does nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from fast_networks import Maker
from qrig.codegen import generate_network, make_layout
from qrig.codegen.choices import COLUMNS, SLIDING, Choice, Choices
from qrig.codegen.names import comment_text, stage_identifiers
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedNetwork, QuantizedReLU
from qrig.networks.graph import Pair, Shape
from qrig.resources import firmware_root

NAMES = [
    ("conv*/x", "relu", "other"),
    ("conv", "a*/ int evil = 1; /*b", "*/"),
    ("conv\\", "re\nlu", "conv\\\n"),
    ("conv??/", "??/\n", "x"),
    ("qrig", "arm_relu_q7", "lanes_low"),
    ("at", "at_pad", "pad"),
    ("int", "for", "while"),
    ("products", "arena", "status"),
    ("data_weights", "data_bias", "data_mean"),
    ("memcpy", "main", "network_run"),
    ("1", "layer_1", "layer"),
    ("Conv", "CONV", "conv"),
]
CHOICES = {
    "library": (Choice(), Choice()),
    "sliding, columns": (Choice(SLIDING, 2), Choice(COLUMNS)),
    "columns, sliding": (Choice(COLUMNS), Choice(SLIDING, 2, passes=2)),
}


def named_network(names: tuple[str, str, str]) -> QuantizedNetwork:
    first, relu, second = names
    maker = Maker(1, Shape(8, 8, 4))
    maker.convolution(Pair(3, 3), 4, pad=Pair(1, 1), name=first)
    maker.layers.append(QuantizedReLU(*maker.base("relu", maker.shape, relu)))
    maker.convolution(Pair(3, 3), 4, pad=Pair(1, 1), name=second)
    maker.convolution(Pair(3, 3), 4, pad=Pair(1, 1), name=f"{second}x")
    maker.inner_product(4)
    return maker.network("named")


@pytest.mark.parametrize("hook", [(), ("-DNETWORK_HOOK",)])
@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("names", NAMES)
def test_sources_compile_without_a_warning(
    names: tuple[str, str, str], choices: str, hook: tuple[str, ...], tmp_path: Path
) -> None:
    network = named_network(names)
    convolutions = [layer.name for layer in network.layers if layer.type == "convolution"]
    chosen: Choices = dict(zip(convolutions, CHOICES[choices], strict=False))
    for file, text in generate_network(network, choices=chosen).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
        assert not re.search(r"\bevil\b", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    headers = f"-I{firmware_root() / 'kernels'}"
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", headers, *hook]
    for source in tmp_path.glob("*.c"):
        result = subprocess.run([*command, source.name], cwd=tmp_path, capture_output=True)
        assert not result.returncode, result.stderr.decode()


def test_comments_show_names_as_far_as_c_allows() -> None:
    assert comment_text("conv1_2 a.b-c+d") == "conv1_2 a.b-c+d"
    assert comment_text("a*/b\\\n??/ü") == "a__b______"


def test_first_words_of_kernels_are_not_kept() -> None:
    found = stage_identifiers(["qrig", "arm_relu", "plane_2", "planet", "at"])
    assert found == {
        "qrig": "layer_qrig",
        "arm_relu": "layer_arm_relu",
        "plane_2": "layer_plane_2",
        "planet": "planet",
        "at": "layer_at",
    }


def wide(width: int, channels: int = 1) -> QuantizedNetwork:
    maker = Maker(5, Shape(3, width, channels))
    maker.convolution(Pair(3, 3), 2, pad=Pair(1, 1), name="conv")
    return maker.network("wide")


def test_sides_that_no_argument_holds_are_refused() -> None:
    make_layout(wide(65_535), {})
    with pytest.raises(UnsupportedNetworkError, match=r"'data'.*at most 65,535 each, found 65,536"):
        make_layout(wide(65_536), {})


def test_rows_too_wide_for_the_stack_do_not_slide() -> None:
    make_layout(wide(1024), {"conv": Choice(SLIDING, 2)})
    with pytest.raises(UnsupportedNetworkError, match="a row of 1025 pixels is too wide"):
        make_layout(wide(1025), {"conv": Choice(SLIDING, 2)})


def test_windows_too_large_for_columns_are_refused() -> None:
    make_layout(wide(3, 900), {"conv": Choice(COLUMNS)})
    with pytest.raises(UnsupportedNetworkError, match="a window of 4,512 words is too large"):
        make_layout(wide(3, 1002), {"conv": Choice(COLUMNS)})
