"""Cutting bytes into records. Oracle for the values of good records: Python's csv module."""

from __future__ import annotations

import csv
import io

import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ehr.extract import records
from ehr.extract.dialect import Dialect
from ehr.extract.engine import _columns
from ehr.extract.records import Broken, Splitter


def split(
    data: bytes, columns: int, delimiter: str = ",", max_record: int = 1 << 20, chunk: int = records.CHUNK
) -> tuple[list[tuple[int, int, list[str]]], list[Broken], int]:
    """Run the splitter and the engine's column split: ([(record_no, line_no, values)], broken, blank lines)."""
    broken: list[Broken] = []
    splitter = Splitter(delimiter, columns, max_record, broken.append)
    good = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "CHUNK", chunk)
        for block in splitter.blocks(io.BytesIO(data)):
            dialect = Dialect(delimiter, tuple(f"h{i}" for i in range(columns)), 0, 0)
            rows = _columns(block, dialect, tuple(range(columns))).to_pylist()
            for row, line, start, end in zip(rows, block.line_no, block.starts, block.ends, strict=True):
                number = row.pop("record_no")
                assert block.text[start:end].strip(b"\r\n")
                good.append((number, int(line), list(row.values())))
    assert splitter.records == len(good) + len(broken)
    assert sorted([n for n, _, _ in good] + [b.record_no for b in broken]) == list(range(1, splitter.records + 1))
    return good, broken, splitter.blank


VALUE = st.text(st.sampled_from('ab1 ",;\n\r\tä€<'), max_size=6)
ENDS = st.sampled_from(["\n", "\r\n"])


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(VALUE, min_size=3, max_size=3), max_size=12),
    end=ENDS,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    chunk=st.sampled_from([40, 64, 1 << 20]),
    final=st.booleans(),
)
def test_well_formed_records_equal_the_csv_module(
    rows: list[list[str]], end: str, quoting: int, chunk: int, final: bool
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # the writer of Python 3.11 leaves a lone CR unquoted
        rows = [[value.replace("\r", "") for value in row] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(rows)
    text = out.getvalue() if final else out.getvalue().removesuffix(end)
    good, broken, blank = split(text.encode(), 3, chunk=chunk, max_record=40)
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not any(b.reason in {"line_too_long", "bad_quoting"} for b in broken):
        assert [values for _, _, values in good] == expected
        assert not broken
        assert blank == 0


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from('ab,\n\r"'), max_size=60), chunk=st.sampled_from([8, 16, 1 << 20]))
def test_any_bytes_are_accounted_for_and_chunks_do_not_matter(text: str, chunk: int) -> None:
    whole = split(text.encode(), 2, max_record=200)
    pieces = split(text.encode(), 2, max_record=200, chunk=chunk)
    assert whole == pieces


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(
            [
                ("1,x", None),
                ('2,"a, ""b"""', None),
                ('3,5" tube', None),
                ('4,"two\nlines"', None),
                ("5", "wrong_column_count"),
                ("6,x,y", "wrong_column_count"),
                ('7,"abc"def', "bad_quoting"),
            ]
        ),
        max_size=40,
    )
)
def test_each_broken_record_is_refused_alone(lines: list[tuple[str, str | None]]) -> None:
    data = "".join(f"{text}\n" for text, _ in lines).encode()
    good, broken, _ = split(data, 2)
    assert [b.reason for b in broken] == [reason for _, reason in lines if reason]
    expected = [next(csv.reader(io.StringIO(text, newline=""))) for text, reason in lines if not reason]
    assert [values for _, _, values in good] == expected
    starts = [1 + sum(text.count("\n") + 1 for text, _ in lines[:index]) for index in range(len(lines))]
    assert [line for _, line, _ in good] == [s for s, (_, reason) in zip(starts, lines, strict=True) if not reason]
    assert [b.line_no for b in broken] == [s for s, (_, reason) in zip(starts, lines, strict=True) if reason]


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    good, broken, _ = split(b'1,a\n2,"b\n3,c\n4,"d, e"\n5,f\n', 2)
    assert [values for _, _, values in good] == [["1", "a"], ["3", "c"], ["4", "d, e"], ["5", "f"]]
    assert [(b.line_no, b.reason, b.text) for b in broken] == [(2, "bad_quoting", '2,"b')]


def test_invalid_utf8_costs_one_record() -> None:
    good, broken, _ = split("1,ä\n".encode() + b"2,\xe4\n" + "3,ö\n".encode(), 2)
    assert [values for _, _, values in good] == [["1", "ä"], ["3", "ö"]]
    assert [(b.line_no, b.reason) for b in broken] == [(2, "invalid_utf8")]


def test_lone_carriage_returns_end_lines() -> None:
    good, broken, _ = split(b"1,a\r2,b\r", 2)
    assert [values for _, _, values in good] == [["1", "a"], ["2", "b"]]
    assert not broken


def test_blank_lines_are_counted_and_are_no_records() -> None:
    good, broken, blank = split(b"\n1,a\n\n\r\n2,b\n\n", 2)
    assert [(n, line) for n, line, _ in good] == [(1, 2), (2, 5)]
    assert not broken
    assert blank == 4


@pytest.mark.parametrize("giant", [b"2," + b"x" * 5_000, b'2,"' + b"x" * 5_000 + b'"', b'2,"' + b"x\n" * 2])
def test_a_giant_line_is_refused_without_being_held(giant: bytes) -> None:
    good, broken, _ = split(b"1,a\n" + giant + b"\n3,c\n", 2, max_record=100, chunk=100)
    assert [values for _, _, values in good if values[0] in "13"] == [["1", "a"], ["3", "c"]]
    assert broken[0].line_no == 2
    assert all(len(b.text) <= 8_000 for b in broken)


def test_a_giant_last_line_without_end() -> None:
    good, broken, _ = split(b"1,a\n" + b"x" * 5_000, 2, max_record=100, chunk=100)
    assert len(good) == 1
    assert [b.reason for b in broken] == ["line_too_long"]


def test_many_irregular_quotes_stay_linear() -> None:
    data = b"".join(b'%d,5" tube\n' % n for n in range(50_000))
    good, broken, _ = split(data, 2)
    assert len(good) == 50_000
    assert not broken


def test_arrow_reads_quotes_inside_values_as_the_csv_module_does() -> None:
    """The engine relies on it; were Arrow to change, this test says so first."""
    rows = pyarrow.csv.read_csv(
        io.BytesIO(b'5" tube,a""b\n'), read_options=pyarrow.csv.ReadOptions(column_names=["a", "b"])
    )
    assert rows.to_pylist() == [{"a": '5" tube', "b": 'a""b'}]
