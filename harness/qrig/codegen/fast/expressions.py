"""Linear forms as C expressions."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from qrig.codegen.fast.toom import Filter


@frozen
class Value:
    """A C variable with the expression it gets."""

    name: str
    text: str


def linear(coefficients: Sequence[int], names: Sequence[str]) -> str:
    """Return the sum of `coefficients[i] * names[i]` in C, terms of equal factor together."""
    groups: dict[int, list[str]] = {}
    for coefficient, name in zip(coefficients, names, strict=True):
        if coefficient:
            sign = "-" if coefficient < 0 else "+"
            groups.setdefault(abs(coefficient), []).append(f"{sign} {name}")
    parts = []
    for factor, terms in groups.items():
        terms.sort(key=lambda term: term[0])  # "+" sorts before "-"
        sign, first = terms[0][0], terms[0][2:]
        flipped = [t if sign == "+" else f"+ {t[2:]}" for t in terms[1:]]
        inner = " ".join([first, *flipped])
        if factor != 1:
            inner = f"{factor}u * ({inner})" if flipped else f"{factor}u * {inner}"
        elif flipped and sign == "-":
            inner = f"({inner})"
        parts.append((sign, inner))
    parts.sort(key=lambda part: part[0])
    text = "".join(f" {sign} {inner}" for sign, inner in parts)
    if text.startswith(" + "):
        return text[3:]
    return f"0u{text}"


def transform_values(filter_: Filter) -> tuple[tuple[Value, ...], tuple[str, ...]]:
    """Return the intermediate values and the expression of every point of B d, d being d0, d1, ...

    Points +p and -p share their even and their odd part.
    """
    names = [f"d{i}" for i in range(filter_.points)]
    values: list[Value] = []
    points = [linear(row, names) for row in filter_.data]
    for number, (plus, minus) in enumerate(filter_.pairs):
        even = [a + b for a, b in zip(filter_.data[plus], filter_.data[minus], strict=True)]
        odd = [a - b for a, b in zip(filter_.data[plus], filter_.data[minus], strict=True)]
        if any(value % 2 for value in (*even, *odd)):
            continue
        values.append(Value(f"e{number}", linear([value // 2 for value in even], names)))
        values.append(Value(f"o{number}", linear([value // 2 for value in odd], names)))
        points[plus], points[minus] = f"e{number} + o{number}", f"e{number} - o{number}"
    return tuple(values), tuple(points)


def output_values(filter_: Filter) -> tuple[tuple[Value, ...], tuple[str, ...]]:
    """Return sums and differences of products m0, m1, ..., and the expression of every output."""
    values: list[Value] = []
    names = {t: f"m{t}" for t in range(filter_.points)}
    for number, (plus, minus) in enumerate(filter_.pairs):
        values.append(Value(f"s{number}", f"m{plus} + m{minus}"))
        values.append(Value(f"t{number}", f"m{plus} - m{minus}"))
    outputs = []
    for row in filter_.outputs:
        terms: list[tuple[int, str]] = []
        paired = {t for pair in filter_.pairs for t in pair}
        terms += [(row[t], names[t]) for t in names if t not in paired]
        for number, (plus, minus) in enumerate(filter_.pairs):
            if row[plus] == row[minus]:
                terms.append((row[plus], f"s{number}"))
            elif row[plus] == -row[minus]:
                terms.append((row[plus], f"t{number}"))
            else:
                terms += [(row[plus], names[plus]), (row[minus], names[minus])]
        outputs.append(linear([c for c, _ in terms], [name for _, name in terms]))
    return tuple(values), tuple(outputs)
