"""Reference files that come with the genome delivery: polygenic scores and a ClinVar-like release."""
# ruff: noqa: E501 -- a table

from __future__ import annotations

import numpy as np

from synthetic.genome_files import index
from synthetic.landing import Landing, gzipped
from synthetic.randomness import stream
from synthetic.variants import ANCESTRY_SHARE, CHROMOSOME_LENGTHS, PATHOGENIC, Variant, catalogue

SCORES = {
    "PGS_T2D_DEMO": ("t2d", "Type 2 diabetes", "type 2 diabetes mellitus", "MONDO_0005148"),
    "PGS_CAD_DEMO": ("cad", "Coronary artery disease", "coronary artery disorder", "EFO_0001645"),
    "PGS_AF_DEMO": ("af", "Atrial fibrillation", "atrial fibrillation", "EFO_0000275"),
    "PGS_BC_DEMO": ("breast_cancer", "Breast cancer", "breast carcinoma", "EFO_0000305"),
    "PGS_CRC_DEMO": ("colorectal_cancer", "Colorectal cancer", "colorectal cancer", "MONDO_0005575"),
    "PGS_CKD_DEMO": ("ckd", "Chronic kidney disease", "chronic kidney disease", "EFO_0003884"),
}
NOISE = 0.25
"""Standard error of the estimated weights, relative to the spread of the true effects."""

# rsid, chrom, pos, ref, alt, gene, condition, significance, review status: entries besides the pathogenic panel
_OTHER_CLINVAR = (
    ("rs1800562", "chr6", 26092913, "G", "A", "HFE", "Hemochromatosis_type_1", "Pathogenic", "criteria_provided,_multiple_submitters,_no_conflicts"),
    ("rs36053993", "chr1", 45331556, "C", "T", "MUTYH", "Familial_adenomatous_polyposis_2", "Pathogenic", "reviewed_by_expert_panel"),
    ("rs6025", "chr1", 169549811, "C", "T", "F5", "Thrombophilia_due_to_activated_protein_C_resistance", "Pathogenic/Likely_pathogenic|risk_factor", "criteria_provided,_multiple_submitters,_no_conflicts"),
    ("rs1799963", "chr11", 46739505, "G", "A", "F2", "Thrombophilia_due_to_thrombin_defect", "Pathogenic|risk_factor", "criteria_provided,_multiple_submitters,_no_conflicts"),
    ("rs1050828", "chrX", 154536002, "C", "T", "G6PD", "G6PD_deficiency", "Pathogenic/Likely_pathogenic", "criteria_provided,_multiple_submitters,_no_conflicts"),
    ("rs7412", "chr19", 44908822, "C", "T", "APOE", "Hyperlipoproteinemia,_type_III", "Conflicting_classifications_of_pathogenicity", "criteria_provided,_conflicting_classifications"),
    ("rs429358", "chr19", 44908684, "T", "C", "APOE", "Alzheimer_disease", "risk_factor", "no_assertion_criteria_provided"),
    ("rs4149056", "chr12", 21178615, "T", "C", "SLCO1B1", "not_provided", "Benign", "criteria_provided,_single_submitter"),
)  # fmt: skip


def write(landing: Landing, seed: int) -> None:
    """Write the scoring files and the ClinVar-like VCF."""
    for name, described in SCORES.items():
        data, count = _score(name, *described)
        landing.put(f"reference/pgs/{name}.txt.gz", gzipped(data.encode()), count)
    _clinvar(landing)


def estimated_weight(variant: Variant, trait: str, rng: np.random.Generator, spread: float) -> float:
    """The weight that a genome-wide study would have reported for the ALT allele: the true effect plus its error."""
    return dict(variant.effects)[trait] + float(rng.normal(0, NOISE * spread))


def _score(name: str, trait: str, reported: str, mapped: str, efo: str) -> tuple[str, int]:
    rng = stream(0, "published weights", name)
    members = [v for v in catalogue() if trait in dict(v.effects)]
    spread = float(np.std([dict(v.effects)[trait] for v in members]))
    rows = []
    for v in members:
        weight, frequency = estimated_weight(v, trait, rng, spread), float(np.dot(v.frequency, ANCESTRY_SHARE))
        effect, other = v.alt, v.ref
        if weight < 0:  # published scores name the risk allele
            effect, other, weight, frequency = v.ref, v.alt, -weight, 1 - frequency
        rows.append(f"{v.rsid}\t{v.chrom[3:]}\t{v.pos}\t{effect}\t{other}\t{weight:.5f}\t{frequency:.4f}")
    for k in range(3):  # variants that this array does not assay
        rows.append(f"rs{9_900_000_001 + k}\t{k + 2}\t{41_000_000 + 977 * k}\tA\tG\t0.01\t0.3000")
    head = [
        "###PGS CATALOG SCORING FILE - see https://www.pgscatalog.org/downloads/#dl_ftp_scoring for additional information",
        "#format_version=2.0", "##POLYGENIC SCORE (PGS) INFORMATION", f"#pgs_id={name}", f"#pgs_name={name.lower()}",
        f"#trait_reported={reported}", f"#trait_mapped={mapped}", f"#trait_efo={efo}", "#genome_build=GRCh38",
        f"#variants_number={len(rows)}", "#weight_type=log(OR)", "##SOURCE INFORMATION", "#pgp_id=PGP_DEMO",
        "#citation=Synthetic weights of the demo population; not for use on real people",
        "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tallelefrequency_effect",
    ]  # fmt: skip
    return "\n".join([*head, *rows]) + "\n", len(rows)


def _clinvar(landing: Landing) -> None:
    stars = "criteria_provided,_multiple_submitters,_no_conflicts"
    entries = [
        (*row[:7], "Pathogenic", "reviewed_by_expert_panel" if row[5] in ("BRCA1", "BRCA2", "MLH1", "MSH2") else stars)
        for row in PATHOGENIC
    ]
    entries += list(_OTHER_CLINVAR)
    order = list(CHROMOSOME_LENGTHS)
    entries.sort(key=lambda row: (order.index(row[1]), row[2]))
    lines = ["##fileformat=VCFv4.1", "##fileDate=2026-03-01", "##source=ClinVar", "##reference=GRCh38"]
    lines += [f"##contig=<ID={chrom[3:]},length={length}>" for chrom, length in CHROMOSOME_LENGTHS.items()]
    lines += [
        f'##INFO=<ID={key},Number={number},Type={kind},Description="{text}">'
        for key, number, kind, text in (
            ("ALLELEID", "1", "Integer", "the ClinVar Allele ID"),
            ("CLNDN", ".", "String", "ClinVar's preferred disease name for the concept"),
            ("CLNREVSTAT", ".", "String", "ClinVar review status for the Variation ID"),
            ("CLNSIG", ".", "String", "Clinical significance for this single variant"),
            ("GENEINFO", "1", "String", "Gene(s) for the variant reported as gene symbol:gene id"),
            ("RS", ".", "String", "dbSNP ID (i.e. rs number)"),
        )
    ]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    genes = sorted({row[5] for row in entries})
    for k, (rsid, chrom, pos, ref, alt, gene, condition, significance, review) in enumerate(entries):
        info = (
            f"ALLELEID={9_000_001 + k};CLNDN={condition};CLNREVSTAT={review};CLNSIG={significance};"
            f"GENEINFO={gene}:{9_000 + genes.index(gene)};RS={rsid[2:]}"
        )
        lines.append(f"{chrom[3:]}\t{pos}\t{9_100_001 + k}\t{ref}\t{alt}\t.\t.\t{info}")
    draft = landing.settings.truth / ".clinvar.vcf"
    draft.write_text("\n".join(lines) + "\n")
    index(landing, draft, "reference/clinvar.vcf.gz", len(entries))
