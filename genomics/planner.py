"""How a list of sites is read from a file: by its index where it has one and the list is short, else as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from genomics.builds import UNKNOWN
from genomics.header import Header
from genomics.panel import PanelSite
from genomics.scan import Panel, body_of, is_bcf, read_tables
from lake.quarantine import BadFile
from lake.settings import Settings

MOST_SITES = 15_000
"""Beyond so many sites a whole scan costs less than the look-ups (measured on a genome of 4.6 million records)."""


def read_panel(path: Path, panel: Panel, settings: Settings | None = None) -> dict[str, pa.Table]:
    """Read what a file says about sites; tables as ``read_tables`` gives them.

    With an index (.tbi or .csi beside the file) only records at the sites are read; the tables then count no others.

    Args:
        path: VCF, VCF.gz, gVCF or BCF.
        panel: sites by build; of an unknown build the whole file is read.
        settings: limits.

    Raises:
        BadFile: as for any VCF; also an index that does not fit its file.
    """
    indexed = any(path.with_name(path.name + ending).is_file() for ending in (".tbi", ".csi"))
    if indexed and not is_bcf(path):
        header, _ = body_of(path, settings)
        sites = panel.get(header.build, ())
        if header.build != UNKNOWN and header.build_by_lengths and len(sites) <= MOST_SITES:
            with TemporaryDirectory() as scratch:
                part = Path(scratch) / "panel.vcf"
                with part.open("w", encoding="utf-8") as file:
                    file.write(header.text + "\n")
                    file.writelines(line + "\n" for line in fetch_lines(path, header, sites))
                return read_tables(part, settings, panel=panel)
    return read_tables(path, settings, panel=panel)


def fetch_lines(path: Path, header: Header, sites: Sequence[PanelSite]) -> Iterator[str]:
    """Yield the records that overlap sites, in file order within each contig, each once.

    Raises:
        BadFile: the index is broken or of another file.
    """
    import pysam

    wanted: dict[str, list[tuple[int, int]]] = {}
    for site in sites:
        # the base before belongs to it: indels are written from there
        wanted.setdefault(site.chrom, []).append((max(site.pos - 2, 0), site.pos + len(site.ref)))
    names = {header.canonical(name): name for name in header.contigs}
    previous = pysam.set_verbosity(0)
    try:
        with pysam.TabixFile(str(path), encoding="utf-8") as file:
            present = set(file.contigs)
            for chrom, spans in wanted.items():
                name = names.get(chrom, chrom)
                if name not in present:
                    continue
                before: set[str] = set()
                for start, end in _merged(sorted(spans)):
                    found = list(file.fetch(name, start, end))
                    # a long record reaches into several spans
                    yield from (line for line in found if line not in before)
                    before = set(found)
    except (OSError, ValueError) as error:
        raise BadFile("broken_index", f"the index beside the file cannot be used ({error}); build it again") from None
    finally:
        pysam.set_verbosity(previous)


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join spans that lie close together: one look-up then serves them all."""
    start, end = spans[0]
    for first, last in spans[1:]:
        if first <= end + 1000:
            end = max(end, last)
            continue
        yield start, end
        start, end = first, last
    yield start, end
