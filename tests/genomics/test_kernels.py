"""Machine code and array operations give the same answer, whatever the bytes are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics import fields
from genomics.scan import read_tables
from tests.genomics.vcf_text import write_vcf

numba = pytest.importorskip("numba", reason="the optional extra 'genome' is not installed")
NAME = "genomics.kernels"
CELLS = st.text(alphabet="09.:/|ACGT<*x,;", max_size=12)
TABLES = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=8))


@contextmanager
def using(kernels: ModuleType | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, NAME, raising=False)
        if kernels:
            patch.setitem(sys.modules, NAME, kernels)
        assert fields.compiled() is kernels
        yield


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["loops", "compiled"])
def kernels(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The loops as Python, or translated, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch, np.errstate(over="ignore"):
        patch.delitem(sys.modules, NAME, raising=False)
        patch.setattr(numba.config, "DISABLE_JIT", not request.param)
        fields.compile_for(fields.LEAST_BYTES)
        yield sys.modules.pop(NAME)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.booleans())
def test_fields_of_any_lines(kernels: ModuleType, rows: list[list[str]], is_spoilt: bool) -> None:
    text = "".join("\t".join(row) + "\n" for row in rows).encode()
    if is_spoilt:
        text = text.replace(b"\t", b"", 1) + b"a\x01\n"
    with using(None):
        expected = of(fields.split(text, len(rows[0])), len(rows[0]))
    with using(kernels):
        assert of(fields.split(text, len(rows[0])), len(rows[0])) == expected


def of(found: fields.Fields | None, columns: int) -> object:
    if found is None:
        return None
    return [
        (found.text(one).to_pylist(), found.coded(one).cast(pa.string()).to_pylist(), found.integers(one).tolist())
        for one in range(columns)
    ]


def test_numbers_that_are_none(kernels: ModuleType) -> None:
    texts = ["0", "2147483647", "9999999999", "12345678901", "1a", "", "-1", " 1"]
    with using(kernels):
        found = fields.split("".join(f"{one}\n" for one in texts).encode(), 1)
        assert found is not None
        assert found.integers(0).tolist() == [0, 2147483647, 9999999999, -1, -1, -1, -1, -1]


def test_calls_of_a_file(kernels: ModuleType, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    calls = ["0/0", "0|1", "1/2", "./.", "0/.", ".|1", "1", ".", "0/13", "/0/1", "0/1/1", "x"]
    formats = ["GT", "GT:DP:GQ", "GT:AD:GQ:PS:DP", "GT:MIN_DP", "DP"]
    lines = []
    for number in range(200):
        keys = str(random.choice(formats))
        cells = [
            ":".join([str(random.choice(calls)), *random.choice(["7", "30", "99.5", ".", "1,2"], keys.count(":"))])
            for _ in range(2)
        ]
        alt = random.choice(["G", "G,T", "<NON_REF>", "*", "<DEL>", "GAT"])
        lines.append(f"chr1 {1000 + number} . A {alt} . PASS . {keys} {' '.join(cells)}")
    path = write_vcf(tmp_path / "a.vcf", lines, ["S1", "S2"])
    with using(None):
        expected = read_tables(path)
    with using(kernels):
        found = read_tables(path)
    assert expected["genome_genotype"].num_rows > 100
    for name, rows in expected.items():
        assert found[name].to_pylist() == rows.to_pylist()
