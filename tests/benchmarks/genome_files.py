"""Genome files for measurements, made here: one whole genome, a cohort, and a cohort at the pharmacogenes."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import numpy as np

from genomics.builds import GRCH38, LENGTHS

_SNVS = np.array([ref + alt for ref in "ACGT" for alt in "ACGT" if ref != alt])
_TI = np.array([pair in ("AG", "GA", "CT", "TC") for pair in _SNVS])
_CHUNK = 200_000
PEOPLE = 1000
_HEADER = (
    ("FILTER", "LowQual", None, None), ("FILTER", "VQSRTrancheSNP99.90to100.00", None, None),
    ("INFO", "AC", "A", "Integer"), ("INFO", "AF", "A", "Float"), ("INFO", "AN", "1", "Integer"),
    ("INFO", "BaseQRankSum", "1", "Float"), ("INFO", "DP", "1", "Integer"), ("INFO", "FS", "1", "Float"),
    ("INFO", "MQ", "1", "Float"), ("INFO", "QD", "1", "Float"), ("INFO", "SOR", "1", "Float"),
    ("FORMAT", "GT", "1", "String"), ("FORMAT", "AD", "R", "Integer"), ("FORMAT", "DP", "1", "Integer"),
    ("FORMAT", "GQ", "1", "Integer"), ("FORMAT", "PL", "G", "Integer"),
)  # fmt: skip


def write_genome(path: Path, count: int) -> Path:
    """One man's genome as GATK writes it, about 160 bytes a record, spread over 25 contigs by their length.

    12 % insertions and deletions, 1 % two alternate alleles, 5 % filtered, every tenth with an rs number; haploid on X
    outside the pseudoautosomal regions, Y and MT.
    """
    lengths = LENGTHS[GRCH38]
    total = sum(lengths.values())
    random = np.random.default_rng(1)
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##reference=GRCh38\n")
        file.writelines(f"##contig=<ID={_name(one)},length={length}>\n" for one, length in lengths.items())
        for kind, name, number, type_ in _HEADER:
            counted = f"Number={number},Type={type_}," if number else ""
            file.write(f'##{kind}=<ID={name},{counted}Description="{name}">\n')
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n")
        for contig, length in lengths.items():
            wanted = max(round(count * length / total), 1)
            at = 10_000 if length > 20_000 else 0
            step = max((length - at) // wanted, 1)
            for first in range(0, wanted, _CHUNK):
                size = min(_CHUNK, wanted - first)
                pos = at + np.cumsum(random.integers(1, 2 * step, size)) if step > 1 else at + 1 + np.arange(size)
                pos = np.minimum(pos, length - 50)
                at = int(pos[-1])
                file.writelines(_records(random, _name(contig), pos, diploid=contig not in ("X", "Y", "MT")))
    return path


def _name(contig: str) -> str:
    return "chrM" if contig == "MT" else f"chr{contig}"


def _records(random: np.random.Generator, contig: str, pos: np.ndarray, *, diploid: bool) -> list[str]:
    n = len(pos)
    pair = random.choice(_SNVS, n, p=np.where(_TI, 2.0, 1.0) / np.where(_TI, 2.0, 1.0).sum())
    indel, multi = random.random(n) < 0.12, random.random(n) < 0.01
    inserted = random.random(n) < 0.5
    tail = random.choice(np.array(["A", "T", "AA", "AC", "TTT", "CAGT", "ATATAT"]), n)
    kind = random.choice(3, n, p=[0.58, 0.38, 0.04])
    depth, quality = np.maximum(random.poisson(32, n), 2), np.minimum(random.poisson(80, n), 99)
    filters = random.choice(np.array(["PASS", "VQSRTrancheSNP99.90to100.00", "LowQual"]), n, p=[0.95, 0.04, 0.01])
    known, number = random.random(n) < 0.1, random.integers(1, 1_500_000_000, n)
    one, two, three, four, five = (random.normal(0, 1, n).tolist() for _ in range(5))
    columns = (
        pos, pair, indel, multi, inserted, tail, kind, depth, quality, filters, known, number,
    )  # fmt: skip
    lines = []
    for p, snv, is_indel, is_multi, is_ins, more, zygosity, dp, gq, filt, is_known, rs, a, b, c, d, e, name in zip(
        *(column.tolist() for column in columns), one, two, three, four, five, repeat(contig)
    ):
        ref, alt = snv[0], snv[1]
        if is_indel:
            ref, alt = (ref, ref + more) if is_ins else (ref + more, ref)
        half = dp // 2
        if is_multi:
            alt += f",{ref}G"
            call = f"1/2:0,{half},{dp - half}:{dp}:{gq}:{dp * 27},{dp * 11},{dp * 9},{dp * 13},0,{dp * 10}"
        elif not diploid:
            call = f"1:0,{dp}:{dp}:{gq}:{dp * 31},0"
        elif zygosity == 0:
            call = f"0/1:{dp - half},{half}:{dp}:{gq}:{dp * 14},0,{dp * 17}"
        elif zygosity == 1:
            call = f"1/1:0,{dp}:{dp}:{gq}:{dp * 33},{dp * 3},0"
        else:
            call = f"0/1:{dp - 1},1:{dp}:{gq % 30}:{gq % 30},0,{dp * 29}"
        lines.append(
            f"{name}\t{p}\t{f'rs{rs}' if is_known else '.'}\t{ref}\t{alt}\t{dp * 14.77:.2f}\t{filt}\t"
            f"AC={2 - (zygosity != 1)};AF={'1.00' if zygosity == 1 else '0.500'};AN=2;BaseQRankSum={a:.3f};DP={dp};"
            f"FS={abs(b) * 3:.3f};MQ={60 - abs(c):.2f};QD={14 + d * 4:.2f};SOR={abs(e):.3f}\tGT:AD:DP:GQ:PL\t{call}\n"
        )
    return lines


def write_cohort(path: Path, count: int) -> Path:
    """Phased genotypes of ``PEOPLE``, rare variants more often than common ones."""
    random = np.random.default_rng(2)
    names = "\t".join(f"S{index}" for index in range(PEOPLE))
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=chr1,length=248956422>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for number in range(count):
            alleles = (random.random((PEOPLE, 2)) < random.beta(0.3, 1.5)).astype(int)
            calls = "\t".join(f"{first}|{second}" for first, second in alleles.tolist())
            file.write(f"chr1\t{1000 + 50 * number}\t.\tA\tG\t.\tPASS\t.\tGT\t{calls}\n")
    return path


def write_genes(path: Path) -> Path:
    """Every site of the own definitions, with random calls of all people."""
    from genomics.pgx.definitions import load_definitions

    random = np.random.default_rng(3)
    places = sorted(
        {
            (one.chrom, *site.places[GRCH38][:2], site.places[GRCH38][2][0], site.rsid)
            for one in load_definitions()
            for site in one.sites
        }
    )
    names = "\t".join(f"S{index}" for index in range(PEOPLE))
    contigs = sorted({chrom for chrom, *_ in places})
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##reference=GRCh38\n")
        file.writelines(f"##contig=<ID=chr{chrom}>\n" for chrom in contigs)
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for chrom, pos, ref, alt, rsid in places:
            alleles = (random.random((PEOPLE, 2)) < 0.1).astype(int)
            calls = "\t".join(f"{first}/{second}" for first, second in alleles.tolist())
            file.write(f"chr{chrom}\t{pos}\t{rsid}\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{calls}\n")
    return path
