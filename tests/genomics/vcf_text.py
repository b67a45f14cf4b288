"""Small VCF files for tests."""

from __future__ import annotations

from pathlib import Path

GRCH38_CONTIGS = {"chr1": 248956422, "chr19": 58617616, "chr22": 50818468, "chrX": 156040895}


def vcf_text(
    records: list[str], samples: list[str], *, contigs: dict[str, int] | None = None, header: tuple[str, ...] = ()
) -> str:
    """A VCF 4.2 file; each record is the nine fixed columns and the calls, separated by blanks."""
    contigs = GRCH38_CONTIGS if contigs is None else contigs
    lines = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs.items()),
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        *header,
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(["FORMAT"] if samples else []), *samples]
        ),
        *("\t".join(record.split()) for record in records),
    ]
    return "\n".join(lines) + "\n"


def write_vcf(path: Path, records: list[str], samples: list[str], **options: object) -> Path:
    """Write ``vcf_text`` to a file and return its path."""
    path.write_text(vcf_text(records, samples, **options))  # type: ignore[arg-type]
    return path
