"""The table of layer types in the docs is the one the code uses."""

from pathlib import Path

import pytest

from qrig.networks.caffe.layer_types import LAYER_TYPES, READABLE_TYPES, Role
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.table import COLUMNS, layer_table, layer_table_markdown
from qrig.networks.deployable import DEPLOYABLE, FOLDABLE

DOCS = Path(__file__).resolve().parents[1] / "docs" / "caffe.md"


def test_the_docs_hold_the_table() -> None:
    begin, end = "<!-- made by qrig.networks.caffe.table -->\n", "<!-- end -->"
    found = DOCS.read_text().partition(begin)[2].partition(end)[0]
    assert found == layer_table_markdown()


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("Convolution", ("yes", "no", "yes", "yes")),
        ("BatchNorm", ("yes", "yes", "once folded", "once folded")),
        ("LRN", ("yes", "no", "no", "no")),
        ("Dropout", ("yes", "passed through", "-", "-")),
        ("Accuracy", ("yes", "left out", "-", "-")),
        ("Data", ("yes", "-", "yes", "yes")),
        ("PReLU", ("no", "no", "no", "no")),
    ],
)
def test_verdicts(name: str, verdicts: tuple[str, ...]) -> None:
    (row,) = [row for row in layer_table() if row[0] == name]
    assert len(row) == len(COLUMNS)
    assert row[1:5] == verdicts


def test_every_parameter_of_caffe_belongs_to_a_type_of_the_table() -> None:
    fields = message("LayerParameter").DESCRIPTOR.fields
    known = {name.lower() for name in LAYER_TYPES}
    shared = {"transform", "loss", "recurrent"}
    for field in fields:
        stem = field.name.removesuffix("_param").replace("_", "")
        if field.name.endswith("_param") and stem not in shared:
            assert {stem, stem + "loss"} & known, field.name


def test_what_is_computed_becomes_a_layer_of_the_graph() -> None:
    for name, entry in LAYER_TYPES.items():
        assert bool(entry.becomes) == (entry.role is Role.COMPUTED), name
        assert (name in READABLE_TYPES) == (entry.role is not Role.UNREADABLE)
    assert not set(DEPLOYABLE) & set(FOLDABLE)
    made = {layer for entry in LAYER_TYPES.values() for layer in entry.becomes}
    assert set(DEPLOYABLE) | set(FOLDABLE) <= made
