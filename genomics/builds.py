"""Genome builds: contig names and lengths, pseudoautosomal regions, and how the build of a file is found.

Lengths and regions: Genome Reference Consortium, GRCh37.p13 (GCA_000001405.14) and GRCh38.p14 (GCA_000001405.29).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

GRCH37, GRCH38, UNKNOWN = "GRCh37", "GRCh38", "unknown"

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")

_LENGTHS_37 = (
    249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
    135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520,
    48129895, 51304566, 155270560, 59373566, 16569,
)  # fmt: skip
_LENGTHS_38 = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
    135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167,
    46709983, 50818468, 156040895, 57227415, 16569,
)  # fmt: skip

LENGTHS = {
    GRCH37: dict(zip(CHROMOSOMES, _LENGTHS_37, strict=True)),
    GRCH38: dict(zip(CHROMOSOMES, _LENGTHS_38, strict=True)),
}

PAR_X = {
    GRCH37: ((60_001, 2_699_520), (154_931_044, 155_260_560)),
    GRCH38: ((10_001, 2_781_479), (155_701_383, 156_030_895)),
}
"""Pseudoautosomal regions on X (1-based, inclusive), where males are diploid."""

HG19_MITOCHONDRION = 16571
"""UCSC's hg19 chrM is NC_001807, another sequence than the revised Cambridge reference that everyone else calls MT."""

SENTINELS: dict[str, tuple[int, int]] = {
    "rs1801133": (11856378, 11796321),
    "rs6025": (169519049, 169549811),
    "rs3918290": (97915614, 97450058),
    "rs4988235": (136608646, 135851076),
    "rs2231142": (89052323, 88131171),
    "rs1800562": (26093141, 26092913),
    "rs1142345": (18130918, 18130687),
    "rs776746": (99270539, 99672916),
    "rs4244285": (96541616, 94781859),
    "rs12248560": (96521657, 94761900),
    "rs1799853": (96702047, 94942290),
    "rs1057910": (96741053, 94981296),
    "rs7903146": (114758349, 112998590),
    "rs1799963": (46761055, 46739505),
    "rs4149056": (21331549, 21178615),
    "rs116855232": (48619855, 48045719),
    "rs12913832": (28365618, 28120472),
    "rs9939609": (53820527, 53786615),
    "rs9923231": (31107689, 31096368),
    "rs429358": (45411941, 44908684),
    "rs7412": (45412079, 44908822),
    "rs2108622": (15990431, 15879621),
    "rs738409": (44324727, 43928847),
    "rs3892097": (42524947, 42128945),
    "rs3094315": (752566, 817186),
    "rs2500347": (144938320, 148946169),
    "rs11928389": (50927009, 50889578),
}
"""dbSNP positions (GRCh37, GRCh38) of well-known variants that most files carry; their place tells the build."""

_NCBI36 = {"rs3094315": 742429, "rs2500347": 143649677, "rs11928389": 50908372}
_NCBI36_WORDS = re.compile(r"ncbi ?36|hg18|\bb36\b|\bbuild ?36\b", re.IGNORECASE)

_REFSEQ = re.compile(r"NC_0000(\d\d)\.\d+$", re.IGNORECASE)
_GENBANK = re.compile(r"CM0006(\d\d)\.\d+$", re.IGNORECASE)
_CANONICAL = {name: name for name in CHROMOSOMES} | {"M": "MT", "23": "X", "24": "Y", "26": "MT", "25": "X"}
_BUILD_WORDS = (
    (GRCH38, re.compile(r"grch38|hg38|\bb38\b|hs38|assembly38|\bbuild ?38\b", re.IGNORECASE)),
    (GRCH37, re.compile(r"grch37|hg19|\bb37\b|hs37|g1k_v37|\bbuild ?37\b", re.IGNORECASE)),
)


def canonical_contig(name: str, length: int | None = None) -> str:
    """Return ``1`` … ``22``, ``X``, ``Y``, ``MT`` for any usual spelling; other contigs keep their own name.

    Knows ``chr1``, ``1``, RefSeq ``NC_000001.11``, GenBank ``CM000663.2``, plink's 23–26 and the mitochondrial names.
    hg19's chrM (length 16571) is another sequence and keeps a name of its own.
    """
    bare = name[3:] if name[:3].lower() == "chr" else name
    if found := _CANONICAL.get(bare.upper()):
        return "MT_hg19" if found == "MT" and length == HG19_MITOCHONDRION else found
    if match := _REFSEQ.fullmatch(name):
        number = int(match[1])
        return CHROMOSOMES[number - 1] if 1 <= number <= 24 else name
    if (match := _GENBANK.fullmatch(name)) and 63 <= int(match[1]) <= 86:
        return CHROMOSOMES[int(match[1]) - 63]
    return "MT" if name.upper().startswith("NC_012920") else name


def build_from_lengths(lengths: Mapping[str, int | None]) -> tuple[str, str]:
    """Find the build from the contig lengths of a header; returns (build, evidence). Lengths decide above all else.

    A length that is in neither build still excludes a build whose chromosome is shorter: tools such as plink write the
    last position they saw as the length.

    Raises:
        ValueError: some contigs are of one build and some of the other.
    """
    exact: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    for name, length in lengths.items():
        contig = canonical_contig(name)
        if length is None or contig not in CHROMOSOMES or contig == "MT":
            continue
        for build in (GRCH37, GRCH38):
            exact[build] += length == LENGTHS[build][contig]
            excluded[build] += length > LENGTHS[build][contig]
    if exact[GRCH37] and exact[GRCH38]:
        raise ValueError("contig lengths of GRCh37 and of GRCh38 in one header")
    for build, other in ((GRCH37, GRCH38), (GRCH38, GRCH37)):
        if exact[build]:
            return build, f"{exact[build]} contig lengths of {build}"
        if excluded[other] and not excluded[build]:
            return build, f"{excluded[other]} contigs longer than in {other}"
    return UNKNOWN, "contig lengths of neither build" if any(lengths.values()) else "no contig lengths"


def build_from_sentinels(positions: Mapping[str, int]) -> str:
    """Find the build from the positions of known rs numbers; ``unknown`` when none is known or they disagree."""
    votes: Counter[str] = Counter()
    for rsid, position in positions.items():
        if rsid in SENTINELS:
            for build, expected in zip((GRCH37, GRCH38), SENTINELS[rsid], strict=True):
                votes[build] += position == expected
    if bool(votes[GRCH37]) == bool(votes[GRCH38]):
        return UNKNOWN
    return GRCH37 if votes[GRCH37] else GRCH38


def is_ncbi36(positions: Mapping[str, int], text: str) -> bool:
    """Tell whether the places of known rs numbers, or else words, are those of the build before GRCh37."""
    placed = [positions[rsid] == place for rsid, place in _NCBI36.items() if rsid in positions]
    return all(placed) if placed else bool(_NCBI36_WORDS.search(text))


def build_from_text(text: str) -> str:
    """Find the build named in free text (``##reference``, an assembly attribute); the weakest evidence."""
    named = {build for build, words in _BUILD_WORDS if words.search(text)}
    return named.pop() if len(named) == 1 else UNKNOWN


def canonical_build(text: str | None) -> str:
    """Return ``GRCh37``, ``GRCh38`` or ``unknown`` for a build's usual names (hg19, b37, GRCh38.p14 …)."""
    return build_from_text(text or "")


def in_par(build: str, position: np.ndarray) -> np.ndarray:
    """Tell which X positions are pseudoautosomal; in an unknown build, positions within either build's regions."""
    inside = np.zeros(len(position), dtype=bool)
    for known, regions in PAR_X.items():
        if build in (known, UNKNOWN):
            for start, end in regions:
                inside |= (position >= start) & (position <= end)
    return inside
