"""The genome laboratory's delivery: one cohort VCF with its index, a few single-sample gVCFs, and the sample sheet."""
# ruff: noqa: E501 -- VCF templates

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthetic.chunks import Chunk
from synthetic.dirt import Dirt
from synthetic.enrolment import SAMPLE_COLUMNS, is_gvcf, sample_rows
from synthetic.landing import Landing
from synthetic.randomness import stream
from synthetic.variants import CHROMOSOME_LENGTHS, catalogue, column

MISSING, HALF = 6, 7
_GENOTYPES = np.array(["0/0", "0/1", "1/0", "1/1", "0", "1", "./.", "0/."])
"""Texts of genotype codes: 2*a0 + a1 for diploid calls, 4 + a0 for haploid ones, then missing and half-called."""
DIPLOID_SPELLING = 0.15
"""Share of males whose single X allele is written as a homozygous pair, as some callers do."""


class Cohort:
    """Genotype codes of all chunks; 0.5 kB per sample are held until the end, because VCF is written by variant."""

    def __init__(self, landing: Landing, seed: int) -> None:
        self.landing = landing
        self.seed = seed
        self.samples: list[str] = []
        self.sheet: list[str] = []
        self.codes: list[NDArray[np.int8]] = []
        self.dirt = Dirt()

    def add(self, chunk: Chunk) -> None:
        """Take the samples of one chunk."""
        rng, people = chunk.rng("genome files"), chunk.people
        self.sheet += sample_rows(chunk)
        single = np.array([is_gvcf(people, i) for i in range(len(people))])
        rows = np.flatnonzero(people.genome & ~single)
        alleles = chunk.genome.alleles[rows]
        codes = (2 * alleles[:, :, 0] + alleles[:, :, 1]).astype(np.int8)
        haploid = alleles[:, :, 1] == -2
        paired = haploid & (rng.random(len(rows)) < DIPLOID_SPELLING)[:, None]
        codes[haploid] = 4 + alleles[:, :, 0][haploid]
        codes[paired] = 3 * alleles[:, :, 0][paired]
        unphased = (codes == 2) & (rng.random(codes.shape) < 0.9)
        codes[unphased] = 1
        codes[(rng.random(codes.shape) < 0.003)] = MISSING
        self._half_calls(chunk, rows, codes, rng)
        self._spelled(chunk, rows, codes, paired)
        self.samples += [people.sample[i] for i in rows]
        self.codes.append(codes)
        for i in np.flatnonzero(people.genome & single).tolist():
            self._gvcf(chunk, i)

    def finish(self) -> bytes:
        """Write the cohort file, its index and the sample sheet; returns the log of seeded defects."""
        self.landing.put(
            "genome/sample_sheet.csv", ("\n".join([SAMPLE_COLUMNS, *self.sheet]) + "\n").encode(), len(self.sheet)
        )
        if not self.samples:
            return self.dirt.lines()
        draft = self.landing.settings.truth / ".cohort.vcf"
        rng = stream(self.seed, "cohort depth")
        suffix = np.array([f":{dp}:{gq}" for dp in range(18, 50) for gq in (48, 70, 99)])
        with draft.open("w") as file:
            file.write(header(self.samples))
            for j, variant in enumerate(catalogue()):
                calls = np.concatenate([codes[:, j] for codes in self.codes])
                carried = np.array([0, 1, 1, 2, 0, 1, 0, 0])[calls].sum()
                called = np.array([2, 2, 2, 2, 1, 1, 0, 1])[calls].sum()
                info = f"AC={carried};AN={called};AF={carried / max(called, 1):.5f}"
                cells = np.char.add(_GENOTYPES[calls], suffix[rng.integers(0, len(suffix), len(calls))])
                cells = np.where(calls == MISSING, "./.:0:0", cells)
                file.write(
                    f"{variant.chrom}\t{variant.pos}\t{variant.rsid}\t{variant.ref}\t{variant.alt}\t.\tPASS\t{info}\tGT:DP:GQ\t"
                    + "\t".join(cells.tolist()) + "\n"
                )  # fmt: skip
        index(self.landing, draft, "genome/cohort.vcf.gz", len(catalogue()))
        return self.dirt.lines()

    def _half_calls(
        self, chunk: Chunk, rows: NDArray[np.int64], codes: NDArray[np.int8], rng: np.random.Generator
    ) -> None:
        for rsid in ("rs4244285", "rs7903146", "rs429358"):
            if len(rows):
                k = int(rng.integers(0, len(rows)))
                codes[k, column(rsid)] = HALF
                sample = chunk.people.sample[int(rows[k])]
                self.dirt.add("half_call", "genome/cohort.vcf.gz", f"{sample} {rsid}", chunk.people.key(int(rows[k])), "missing",
                              sample=sample, rsid=rsid, a0=0, a1=-1, note="never a heterozygote, never a reference")  # fmt: skip
        j = column("rs776746")
        for k in np.flatnonzero(codes[:, j] == MISSING)[:3].tolist():
            sample = chunk.people.sample[int(rows[k])]
            self.dirt.add("missing_call", "genome/cohort.vcf.gz", f"{sample} rs776746", chunk.people.key(int(rows[k])), "missing",
                          sample=sample, rsid="rs776746", a0=-1, a1=-1)  # fmt: skip

    def _spelled(
        self, chunk: Chunk, rows: NDArray[np.int64], codes: NDArray[np.int8], paired: NDArray[np.bool_]
    ) -> None:
        for spelling, code in (("1/1", 3), ("1", 5)):
            where = np.argwhere((codes == code) & (paired if code == 3 else True) & chunk.people.male[rows][:, None])
            on_x = [(k, j) for k, j in where.tolist() if catalogue()[j].chrom == "chrX"]
            for k, j in on_x[:2]:
                sample, rsid = chunk.people.sample[int(rows[k])], catalogue()[j].rsid
                self.dirt.add("hemizygous_x", "genome/cohort.vcf.gz", f"{sample} {rsid}", chunk.people.key(int(rows[k])), "converted",
                              sample=sample, rsid=rsid, spelling=spelling, alleles=1)  # fmt: skip

    def _gvcf(self, chunk: Chunk, i: int) -> None:
        sample, lines = chunk.people.sample[i], []
        sites = catalogue()
        skipped = {column("rs116855232")}
        end = dict.fromkeys(CHROMOSOME_LENGTHS, 0)
        for j, v in enumerate(sites):
            a0, a1 = chunk.genome.alleles[i, j].tolist()
            genotype = str(a0) if a1 == -2 else f"{min(a0, a1)}/{max(a0, a1)}"
            if j in skipped:
                self.dirt.add("not_covered", f"genome/gvcf/{sample}.g.vcf.gz", f"{sample} {v.rsid}", chunk.people.key(i), "missing",
                              sample=sample, rsid=v.rsid, note="no block covers the site: not assessed, not reference")  # fmt: skip
            elif max(a0, a1) > 0:
                if v.pos > end[v.chrom]:
                    lines.append(
                        f"{v.chrom}\t{v.pos}\t{v.rsid}\t{v.ref}\t{v.alt},<NON_REF>\t812\t.\tDP=34\tGT:DP:GQ:MIN_DP\t{genotype}:34:99:34"
                    )
                    end[v.chrom] = v.pos + len(v.ref) - 1
            else:
                begin, stop = max(v.pos - 300, end[v.chrom] + 1), v.pos + 300
                later = sites[j + 1] if j + 1 < len(sites) else None
                if later is not None and later.chrom == v.chrom:
                    stop = min(stop, later.pos - 1)
                if stop >= begin:
                    base = v.ref[0] if begin == v.pos else "N"
                    lines.append(
                        f"{v.chrom}\t{begin}\t.\t{base}\t<NON_REF>\t.\t.\tEND={stop}\tGT:DP:GQ:MIN_DP\t{genotype}:31:90:24"
                    )
                    end[v.chrom] = stop
        draft = self.landing.settings.truth / ".sample.g.vcf"
        draft.write_text(header([sample], gvcf=True) + "\n".join(lines) + "\n")
        index(self.landing, draft, f"genome/gvcf/{sample}.g.vcf.gz", len(lines))


def header(samples: list[str], gvcf: bool = False) -> str:
    """VCF 4.2 header on GRCh38."""
    contigs = [f"##contig=<ID={chrom},length={length},assembly=GRCh38>" for chrom, length in CHROMOSOME_LENGTHS.items()]
    lines = [
        "##fileformat=VCFv4.2", "##fileDate=20260301", "##source=demo-genome-lab", "##reference=GRCh38",
        '##FILTER=<ID=PASS,Description="All filters passed">', *contigs,
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count in genotypes">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Total number of alleles in called genotypes">',
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Approximate read depth">',
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">',
    ]  # fmt: skip
    if gvcf:
        lines += [
            '##ALT=<ID=NON_REF,Description="Represents any possible alternative allele at this location">',
            '##INFO=<ID=END,Number=1,Type=Integer,Description="Stop position of the interval">',
            '##INFO=<ID=DP,Number=1,Type=Integer,Description="Approximate read depth">',
            '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Minimum DP observed within the GVCF block">',
        ]
    return (
        "\n".join(
            [*lines, "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples])]
        )
        + "\n"
    )


def index(landing: Landing, draft: Path, path: str, records: int) -> None:
    """Compress ``draft`` with bgzip, index it with tabix, and move both to landing."""
    import pysam

    packed = draft.with_name(draft.name + ".gz")
    pysam.tabix_compress(str(draft), str(packed), force=True)
    draft.unlink()
    pysam.tabix_index(str(packed), preset="vcf", force=True)
    landing.adopt(f"{path}.tbi", packed.with_name(packed.name + ".tbi"))
    landing.adopt(path, packed, records)
