"""ClinVar's VCF release: classified variants with their review status (https://www.ncbi.nlm.nih.gov/clinvar/docs/ftp_primer/)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.decode import COLUMN, Problem
from genomics.normalise import clean_reference, is_sequence, trim
from genomics.scan import decoded_sites
from genomics.tables import CLINVAR_VARIANT
from lake.reader import Landed, Reader
from lake.settings import Settings
from lake.sink import Sink

REVIEW_STARS = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_multiple_submitters": 2,
    "criteria_provided,_single_submitter": 1,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_conflicting_interpretations": 1,
}
"""Gold stars by review status (https://www.ncbi.nlm.nih.gov/clinvar/docs/review_status/); all others have none."""


def read_clinvar(path: Path, settings: Settings | None = None) -> Iterator[tuple[pa.Table, list[Problem], int]]:
    """Yield rows of ``clinvar_variant``, the refused lines and the number of records, batch by batch.

    Raises:
        BadFile: as for any VCF.
    """
    for build, canonical, lines in decoded_sites(path, settings or Settings()):
        size = len(lines.line_no)
        problems = list(lines.problems)
        ref = clean_reference(lines.text("REF"))
        alt = pc.utf8_upper(lines.text("ALT"))
        pos = lines.fields.integers(COLUMN["POS"])
        placed = pos > 0
        usable = np.asarray(pc.is_valid(ref)) & np.asarray(is_sequence(alt))
        for reason, bad, detail in (
            ("invalid_pos", ~placed, "POS must be a whole number of at least 1"),
            (
                "not_a_sequence",
                placed & ~usable,
                "REF and ALT must be bases; a site without an allele cannot be joined",
            ),
        ):
            problems.extend(
                Problem(int(lines.line_no[index]), reason, detail, str(lines.text("ID")[index]))
                for index in np.flatnonzero(bad)
            )
        keep = pa.array(placed & usable)
        names = lines.coded("CHROM")
        chrom = pa.array([canonical(name) for name in names.dictionary.to_pylist()], pa.string()).take(names.indices)
        position, ref, alt = trim(pos[placed & usable], ref.filter(keep), alt.filter(keep))
        info = lines.text("INFO").filter(keep)
        status = _info(info, "CLNREVSTAT")
        known = pa.array(list(REVIEW_STARS))
        stars = pa.array(list(REVIEW_STARS.values()), pa.int64()).take(pc.index_in(status, value_set=known))
        columns = {
            "record_no": lines.line_no[placed & usable],
            "allele_id": pc.coalesce(_info(info, "ALLELEID"), lines.text("ID").filter(keep)),
            "build": pa.repeat(build, len(position)),
            "chrom": chrom.filter(keep),
            "pos": position,
            "ref": ref,
            "alt": alt,
            # the first gene is the one the variant lies in; several are separated by |
            "gene": pc.struct_field(pc.extract_regex(_info(info, "GENEINFO"), "^(?P<gene>[^:|]+)"), "gene"),
            "condition": pc.replace_substring(_info(info, "CLNDN"), "_", " "),
            "significance": _info(info, "CLNSIG"),
            "review_status": status,
            "review_stars": stars.fill_null(0),
            "consequence": _info(info, "MC"),
        }
        schema = CLINVAR_VARIANT.schema
        yield (
            pa.table({one.name: pa.array(columns[one.name], one.type) for one in schema}, schema),
            problems,
            (size + len(lines.problems)),
        )


def _info(info: pa.Array, key: str) -> pa.Array:
    return pc.struct_field(pc.extract_regex(info, rf"(?:^|;){key}=(?P<value>[^;]*)"), "value")


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    # a genome annotated with ClinVar's terms has samples; a release has none
    return head.startswith("##fileformat=VCF") and "##INFO=<ID=CLNSIG," in head and "\tINFO\tFORMAT\t" not in head


def _read(landed: Landed, sink: Sink) -> None:
    for rows, problems, read in read_clinvar(landed.path, sink.settings):
        sink.write(CLINVAR_VARIANT.name, rows)
        for problem in problems:
            sink.reject(
                f"line {problem.line_no}",
                problem.reason,
                problem.detail,
                record_no=problem.line_no,
                table=CLINVAR_VARIANT.name,
                text=problem.text,
            )
        sink.count(read, rows.num_rows)


READER = Reader(
    name="clinvar_vcf",
    description="ClinVar's VCF release, GRCh37 or GRCh38.",
    tables=(CLINVAR_VARIANT,),
    matches=_matches,
    read=_read,
)
