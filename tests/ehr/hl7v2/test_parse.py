"""Properties of the ER7 parser: what is written comes back, whatever the delimiters; nothing makes it raise."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehr.hl7_times import iso, iso_macro
from ehr.hl7v2 import lines, parse

PROPERTY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PUNCTUATION = "|^~\\&#$%!*@+;:/"
TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufdd0\ufeff"), min_size=1
)
LEAF = st.one_of(TEXT, st.text(PUNCTUATION, min_size=1))
FIELDS = st.lists(
    st.lists(st.lists(st.lists(LEAF, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def split(connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes) -> None:
    path, target = tmp_path / "in.hl7", tmp_path / "lines.parquet"
    path.write_bytes(content)
    lines.write(path, target, lines.codec_of(content) or "utf-8")
    parse.split(connection, [target])


def escaped(text: str, delimiters: str) -> str:
    """What a sender must write (HL7 v2.5.1, 2.7): independent of the parser under test."""
    bar, component, repetition, escape, subcomponent = delimiters
    names = {bar: "F", component: "S", repetition: "R", escape: "E", subcomponent: "T"}
    return "".join(f"{escape}{names[one]}{escape}" if one in names else one for one in text)


@PROPERTY
@given(st.permutations(PUNCTUATION).map(lambda found: "".join(found[:5])), FIELDS)
def test_what_is_written_comes_back(connection, tmp_path: Path, delimiters: str, fields) -> None:
    bar, component, repetition, _, subcomponent = delimiters
    written = bar.join(
        repetition.join(component.join(subcomponent.join(escaped(one, delimiters) for one in c) for c in r) for r in f)
        for f in fields
    )
    header = f"MSH{delimiters}{bar}A{bar * 6}ADT"
    split(connection, tmp_path, f"{header}\rZZ1{bar}{written}\r".encode())
    found = connection.execute(
        "select field_no, repetition_no, component_no, subcomponent_no, value from hl7_leaf where record_no = 2"
        " order by all"
    ).fetchall()
    assert found == [
        (i, j, k, m, leaf)
        for i, field in enumerate(fields, 1)
        for j, rep in enumerate(field, 1)
        for k, comp in enumerate(rep, 1)
        for m, leaf in enumerate(comp, 1)
    ]


@PROPERTY
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"MSH|^~\\&|", b"MSH", b"PID|1\\", b"\x0b", b"\x1c", b"|^~", b"\r\n"]),
        )
    )
)
def test_no_bytes_make_it_raise_and_no_line_is_lost(connection, tmp_path: Path, pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    if lines.codec_of(content) != "utf-8":
        return
    split(connection, tmp_path, content)
    plain = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    meant = sum(bool(one.strip(b" \t")) and bool(one.strip(b"\x0b\x1c").strip(b" ")) for one in plain)
    assert connection.execute("select count(*) from hl7_segment").fetchone() == (meant,)


@PROPERTY
@given(st.binary(max_size=200), st.integers(1, 50))
def test_line_ends_are_found_wherever_blocks_meet(tmp_path: Path, content: bytes, size: int) -> None:
    content = content.replace(b"\xef\xbb\xbf", b"").replace(b"A", b"\r").replace(b"B", b"\r\n").replace(b"C", b"\n")
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    found = [line for some in lines._lines(iter(blocks)) for line in some]
    whole = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert found == (whole if whole[-1] else whole[:-1]) or found == whole


TIMES = {
    ("2020", None): "2020",
    ("202005", None): "2020-05",
    ("20200503", "20200101120000+0100"): "2020-05-03",
    ("2020050310", None): "2020-05-03T10:00:00",
    ("202005031015", "20200101120000+0100"): "2020-05-03T10:15:00+0100",
    ("20200503101530.25-0600", "20200101120000+0100"): "2020-05-03T10:15:30.25-0600",
    ("20130408141909.0+0000", None): "2013-04-08T14:19:09.0+0000",
    ("20200503", "2020-0101"): "2020-05-03",
    ("20201", None): None,
    ("last week", None): None,
    ("", None): None,
}


def test_times_of_any_precision_are_read_alike_in_python_and_sql(connection) -> None:
    """HL7 v2.5.1, 2.A.22: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]."""
    connection.execute(iso_macro("hl7_iso"))
    for (text, zone), expected in TIMES.items():
        assert iso(text, zone) == expected, text
        assert connection.execute("select hl7_iso($1::varchar, $2::varchar)", [text, zone]).fetchone() == (expected,), (
            text
        )
