"""`qrig profile` from end to end: what it counts adds up, what it writes can be read again."""

from pathlib import Path

import attrs
import pandas as pd
import pytest

from hand_made import hand_made
from profiled_targets import profiled_target
from qrig.build import Kernels
from qrig.build.image import read_image
from qrig.errors import FileFormatError
from qrig.measure.profile_columns import MIX
from qrig.measure.timing import price_profile
from qrig.profiles import read_profile, write_profile
from qrig.profiles.profile import EDGES, LAYER
from qrig.reference import run_reference
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.modelled import modelled_boards
from qrig.runs.networks import load_network
from qrig.runs.profile import ProfiledCell, profile_cell

MODELS = ("model_cycles_m4", "model_cycles_m7")


@pytest.fixture(scope="module", params=["mps2-an386", "mps2-an500"])
def cell(request: pytest.FixtureRequest) -> ProfiledCell:
    """A network whose layers are computed one by one."""
    target = attrs.evolve(profiled_target(request.param), kernels=Kernels(plan="library"))
    loaded = load_network("lenet-mnist")
    return profile_cell(target, loaded, loaded.samples[0], modelled_boards(target))


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500"])
def test_layers_that_are_computed_together_are_counted_once(board: str) -> None:
    target = profiled_target(board)
    loaded = load_network("lenet-mnist")
    cell = profile_cell(target, loaded, loaded.samples[0], modelled_boards(target))
    with Deployed(cell.target, cell.deployment) as deployed:
        remote = deployed.run(cell.sample.pixels, LOGITS)
        expected = run_reference(cell.deployment.network, cell.sample.pixels)
        counted = [layer.instructions for layer in deployed.compare(remote, expected)]
    together = {layer.name: layer.computed_with for layer in cell.layers}
    assert together["pool1"] == "conv1"
    assert together["pool2"] == "conv2"
    assert [layer.instructions for layer in cell.layers] == counted
    assert cell.tables["layers"]["instructions"].tolist() == [count or 0 for count in counted]
    assert cell.tables["layers"]["model_cycles_m7"].sum() > 0
    assert all(not layer.model for layer in cell.layers if layer.computed_with is not None)


def test_instructions_equal_those_of_the_counter(cell: ProfiledCell) -> None:
    with Deployed(cell.target, cell.deployment) as deployed:
        records = deployed.run(cell.sample.pixels, LOGITS).records
        counted = [deployed.running.instructions(record.ticks or 0) for record in records]
    assert cell.tables["layers"]["instructions"].tolist() == counted
    assert [layer.instructions for layer in cell.layers] == counted


def test_functions_call_paths_and_classes_sum_up_to_their_layer(cell: ProfiledCell) -> None:
    layers = cell.tables["layers"].set_index("layer_index")
    assert (layers[[f"mix_{name}" for name in MIX]].sum(axis=1) == layers["instructions"]).all()
    for column in ("instructions", *MODELS):
        for table in ("functions", "stacks"):
            sums = cell.tables[table].groupby("layer_index")[column].sum()
            assert sums.astype(float).to_dict() == pytest.approx(
                layers[column].astype(float).to_dict(), rel=1e-9
            )


def test_instructions_of_the_listing_are_all_but_the_hook(cell: ProfiledCell) -> None:
    """The listing is of what ran; a layer's total lacks the few that call the marking hook."""
    listed = cell.tables["instructions"].groupby("layer_index")["executions"].sum()
    layers = cell.tables["layers"].set_index("layer_index")["instructions"]
    assert ((listed - layers) >= 0).all()
    assert ((listed - layers) <= 16).all()


def test_accesses_sum_up_over_memories(cell: ProfiledCell) -> None:
    layers = cell.tables["layers"]
    for kind in ("loads", "stores"):
        parts = layers[f"code_{kind}"] + layers[f"data_{kind}"] + layers[f"other_{kind}"]
        assert (parts == layers[kind]).all()
    assert (layers["code_stores"] == 0).all()
    assert (layers["other_loads"] == 0).all()
    assert layers["mix_smlad"].sum() > 0.4 * layers["mac"].sum()


def test_a_loop_holds_its_instructions(cell: ProfiledCell) -> None:
    loops, instructions = cell.tables["loops"], cell.tables["instructions"]
    assert loops["model_cycles_m7"].is_monotonic_decreasing
    hottest = loops.iloc[0]
    inside = instructions[
        (instructions["layer_index"] == hottest["layer_index"])
        & instructions["address"].between(hottest["start"], hottest["end"] - 1)
    ]
    assert inside["executions"].sum() == hottest["instructions"]
    assert inside["model_cycles_m7"].sum() == pytest.approx(hottest["model_cycles_m7"])
    assert inside.iloc[0]["executions"] == hottest["iterations"]
    assert "smlad" in " ".join(inside["text"])


def test_stalls_are_the_part_of_the_cycles_beyond_the_slots(cell: ProfiledCell) -> None:
    listed = cell.tables["instructions"]
    bare = listed["model_cycles_m7"] - listed["stalls_m7"]
    assert (bare - 0.5 * listed["executions"]).abs().max() < 1e-6 * listed["executions"].max()
    assert (listed["stalls_m7"] >= -1e-6).all()


def test_a_slower_flash_costs_cycles(cell: ProfiledCell) -> None:
    assert cell.profile is not None
    image = read_image(cell.deployment.elf)
    board = cell.boards["m7"]
    assert board.memory is not None
    code = attrs.evolve(board.memory.code, wait_states=board.memory.code.wait_states + 5)
    slower = attrs.evolve(board, memory=attrs.evolve(board.memory, code=code))
    before, after = (price_profile(cell.profile, image, each) for each in (board, slower))
    for was, now in zip(before.phases, after.phases, strict=True):
        assert now.cycles >= was.cycles
    assert sum(phase.cycles for phase in after.phases) > sum(
        phase.cycles for phase in before.phases
    )


def test_another_firmware_does_not_fit_the_profile(cell: ProfiledCell) -> None:
    assert cell.profile is not None
    image = read_image(cell.deployment.elf)
    other = attrs.evolve(cell.profile, elf_sha256="0" * 64)
    with pytest.raises(FileFormatError, match="expected the firmware that was profiled"):
        price_profile(other, image, cell.boards["m7"])
    moved = attrs.evolve(
        cell.profile,
        blocks=tuple(attrs.evolve(b, address=b.address + 2) for b in cell.profile.blocks),
    )
    with pytest.raises(FileFormatError, match="address 0x"):
        price_profile(moved, image, cell.boards["m7"])


def test_a_profile_survives_its_file(cell: ProfiledCell, tmp_path: Path) -> None:
    assert cell.profile is not None
    write_profile(tmp_path / "profile.json", cell.profile)
    again = read_profile(tmp_path / "profile.json")
    assert again.blocks == cell.profile.blocks
    image = read_image(cell.deployment.elf)
    for board in cell.boards.values():
        before, after = (price_profile(each, image, board) for each in (cell.profile, again))
        assert [p.cycles for p in before.phases] == [p.cycles for p in after.phases]


def test_placements_span_the_cycles_of_each(tmp_path: Path) -> None:
    target, loaded = profiled_target("mps2-an500"), hand_made()
    boards = modelled_boards(target)
    cell = profile_cell(target, loaded, loaded.samples[0], boards, placements=3)
    layers = cell.tables["layers"]
    for name in MODELS:
        assert (layers[f"{name}_min"] <= layers[name]).all()
        assert (layers[name] <= layers[f"{name}_max"]).all()
    assert (layers["model_cycles_m7_min"] < layers["model_cycles_m7_max"]).any()


def test_kinds_of_columns_are_not_mixed(cell: ProfiledCell) -> None:
    frame = pd.DataFrame([attrs.asdict(layer, recurse=False) for layer in cell.layers])
    assert frame["cycles"].isna().all()
    assert all(
        set(layer.model) <= {*MODELS, "model_latency_us_m4", "model_latency_us_m7"}
        for layer in cell.layers
    )


def test_only_layers_and_overhead_are_priced(cell: ProfiledCell) -> None:
    assert cell.profile is not None
    priced = price_profile(cell.profile, read_image(cell.deployment.elf), cell.boards["m4"])
    for phase in priced.phases:
        assert bool(phase.costs) == (phase.kind in (LAYER, "overhead"))


def test_a_profile_of_edges_alone_says_that_memory_was_not_counted(cell: ProfiledCell) -> None:
    assert cell.profile is not None
    edges = attrs.evolve(cell.profile, mode=EDGES)
    image = read_image(cell.deployment.elf)
    assert not price_profile(edges, image, cell.boards["m7"]).memory_counted
    assert price_profile(cell.profile, image, cell.boards["m7"]).memory_counted
