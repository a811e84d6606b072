"""The numbers of the timing rules: each names its rule and its source, and mistakes are named."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from qrig.errors import FileFormatError
from qrig.measure.timing import parameters
from qrig.measure.timing.parameters import M4Numbers, M7Numbers, Number, read_m4, read_m7

Read = Callable[[], M4Numbers | M7Numbers]


@pytest.mark.parametrize(
    ("read", "letter"), [pytest.param(read_m7, "M", id="m7"), pytest.param(read_m4, "A", id="m4")]
)
def test_every_number_has_a_rule_and_a_source(read: Read, letter: str) -> None:
    numbers = [getattr(read(), field.name) for field in attrs.fields(type(read()))]
    assert all(isinstance(each, Number) and each.source.strip() for each in numbers)
    assert {each.rule[0] for each in numbers} <= {letter, "F"}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        pytest.param('rule = "M8"', 'rule = "X8"', "divide.rule", id="no-such-rule"),
        pytest.param("[divide]", "[dvide]", "divide", id="misspelt"),
        pytest.param("value = 3.4", "value = -3.4", "line_fill_bus_cycles.value", id="negative"),
        pytest.param("value = 3.4", "value = ", "expected TOML", id="no-toml"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, where: str
) -> None:
    name = "cortex-m7.toml"
    text = Path(parameters.__file__).with_name(name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(parameters, "__file__", str(tmp_path / "parameters.py"))
    with pytest.raises(FileFormatError, match=where):
        read_m7()
