"""Raw and derived tables of the genome room.

Contigs are written ``1`` … ``22``, ``X``, ``Y``, ``MT``; builds ``GRCh37``, ``GRCh38``, ``unknown``; positions start
at 1.
"""

from __future__ import annotations

import pyarrow as pa

from lake.tables import table

S, I, F, B, I8 = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.int8()  # noqa: E741

GENOME_SAMPLE = table(
    "genome_sample",
    "One row per sample of a VCF file, with the file's profile: build, kind, and what absence of a site means in it.",
    record_no=I,
    sample=S,
    build=S,
    file_format=S,
    ploidy_sex=S,
    assay=S,
    absent_means=S,
    n_records=I,
    n_called=I,
    n_missing=I,
    n_half_call=I,
    n_low_quality=I,
)

GENOME_VARIANT = table(
    "genome_variant",
    "One row per alternate allele of a VCF record, trimmed to its shortest form; n_called counts complete genotypes"
    " of good quality, allele_number the alleles in them. When is_pass is false no sample is assessed here. variant_no"
    " numbers the rows of a file; source_* tell the record's own place and alleles where trimming changed them.",
    record_no=I,
    variant_no=I,
    build=S,
    chrom=S,
    pos=I,
    ref=S,
    alt=S,
    rsid=S,
    n_called=I,
    alt_count=I,
    allele_number=I,
    allele_no=I,
    n_alts=I,
    source_pos=I,
    source_ref=S,
    source_alt=S,
    filter=S,
    is_pass=B,
).requiring(
    "record_no", "variant_no", "build", "chrom", "pos", "ref", "alt", "n_called", "alt_count", "allele_number",
    "allele_no", "n_alts", "filter", "is_pass",
)  # fmt: skip

VARIANT_ID = """
create or replace temp macro variant_id(build, chrom, pos, ref, alt) as
    (md5_number_lower(concat_ws(':', build, chrom, pos, ref, alt)) & 9223372036854775807)::bigint
"""
"""Names a variant across files: half of the MD5 of ``build:chrom:pos:ref:alt``, without a sign. It takes more room than
all else that is known of a variant, so results carry it and raw rows do not."""

GENOME_GENOTYPE = table(
    "genome_genotype",
    "One row per variant and sample that is not plainly homozygous reference: carriers, haploid, missing, half and"
    " low-quality calls, and reference asserted by a gVCF block at a panel site. A called variant of the same file"
    " without a row here is homozygous for not-this-allele. Alleles: 1 this one, 0 another, -1 missing, -2 haploid.",
    record_no=I,
    variant_no=I,
    sample=S,
    a0=I8,
    a1=I8,
    phased=B,
    phase_set=I,
    state=S,
    reason=S,
    dp=I,
    gq=I,
).requiring("record_no", "variant_no", "sample", "a0", "a1", "phased", "state")

GENOME_CALLABLE_INTERVAL = table(
    "genome_callable_interval",
    "One row per sample and stretch in which the file asserts homozygous reference with sufficient quality (merged"
    " gVCF blocks and explicit reference records).",
    record_no=I,
    sample=S,
    build=S,
    chrom=S,
    start_pos=I,
    end_pos=I,
    min_dp=I,
    min_gq=I,
)

GENOME_STRUCTURAL_VARIANT = table(
    "genome_structural_variant",
    "One row per symbolic or breakend allele of a VCF record; kept apart, never scored and never matched.",
    record_no=I,
    build=S,
    chrom=S,
    pos=I,
    end_pos=I,
    ref=S,
    alt=S,
    rsid=S,
    n_called=I,
    alt_count=I,
    filter=S,
)

PGS_WEIGHT = table(
    "pgs_weight",
    "One row per variant of a polygenic score file; effect_type says how a dosage becomes a contribution.",
    record_no=I,
    pgs_id=S,
    trait=S,
    build=S,
    rsid=S,
    chrom=S,
    pos=I,
    effect_allele=S,
    other_allele=S,
    effect_weight=F,
    effect_type=S,
    allele_frequency=F,
    dosage_0_weight=F,
    dosage_1_weight=F,
    dosage_2_weight=F,
)

CLINVAR_VARIANT = table(
    "clinvar_variant",
    "One row per ClinVar record, trimmed to its shortest form, with review stars 0 to 4.",
    record_no=I,
    allele_id=S,
    build=S,
    chrom=S,
    pos=I,
    ref=S,
    alt=S,
    gene=S,
    condition=S,
    significance=S,
    review_status=S,
    review_stars=I,
    consequence=S,
)

TABLES = (
    GENOME_SAMPLE,
    GENOME_VARIANT,
    GENOME_GENOTYPE,
    GENOME_CALLABLE_INTERVAL,
    GENOME_STRUCTURAL_VARIANT,
    PGS_WEIGHT,
    CLINVAR_VARIANT,
)

GENOME_SCORE = table(
    "genome_score",
    "One row per sample and polygenic score: sum of weight times dosage (missing genotypes take their expectation),"
    " z and percentile among the samples that `normalisation` names. n_weights = matched + ambiguous + unmatched;"
    " n_not_assessed are those of the matched whose genotype this sample lacks. status: ok, low_match_rate (under three"
    " quarters of the weights matched), low_call_rate (of the matched, under three quarters assessed), no_match.",
    source=S,
    sample=S,
    pgs_id=S,
    trait=S,
    build=S,
    sum=F,
    denominator=F,
    average=F,
    z=F,
    percentile=F,
    n_weights=I,
    n_matched=I,
    n_ambiguous=I,
    n_unmatched=I,
    n_not_assessed=I,
    match_rate=F,
    status=S,
    reason=S,
    normalisation=S,
    x_ploidy=I,
    file_id=S,
)

GENOME_SCORE_AUDIT = table(
    "genome_score_audit",
    "One row per weight of a polygenic score and genome file: what it matched, or why it did not.",
    file_id=S,
    pgs_id=S,
    record_no=I,
    variant_id=I,
    rsid=S,
    chrom=S,
    pos=I,
    effect_allele=S,
    other_allele=S,
    match_type=S,
    status=S,
    reason=S,
    effect_frequency=F,
    frequency_source=S,
    n_carriers=I,
    n_not_assessed=I,
)

GENOME_DIPLOTYPE = table(
    "genome_diplotype",
    "One row per sample and pharmacogene: the best diplotype, all that fit equally well, and what follows from it.",
    source=S,
    sample=S,
    gene=S,
    diplotype=S,
    alternatives=S,
    activity_score=F,
    phenotype=S,
    status=S,
    missing_positions=S,
    definition_version=S,
    reason=S,
)

GENOME_RECOMMENDATION = table(
    "genome_recommendation",
    "One row per sample, gene and drug for which a CPIC guideline says something about the sample's phenotype.",
    source=S,
    sample=S,
    gene=S,
    drug=S,
    rxnorm=S,
    phenotype=S,
    recommendation=S,
    strength=S,
    citation=S,
    guideline_version=S,
)

GENOME_MARKER = table(
    "genome_marker",
    "One row per sample and single-locus marker (APOE, factor V Leiden, prothrombin, HFE).",
    source=S,
    sample=S,
    marker=S,
    value=S,
    status=S,
    detail=S,
)

GENOME_FINDING = table(
    "genome_finding",
    "One row per sample and carried allele that ClinVar calls (likely) pathogenic with at least one review star.",
    source=S,
    sample=S,
    gene=S,
    variant_id=I,
    chrom=S,
    pos=I,
    ref=S,
    alt=S,
    zygosity=S,
    significance=S,
    review_stars=I,
    condition=S,
    is_secondary=B,
    rule=S,
    status=S,
)

GENOME_SAMPLE_QC = table(
    "genome_sample_qc",
    "One row per sample: call rate, heterozygous to homozygous ratio, Ti/Tv and the sex that the X calls suggest.",
    source=S,
    sample=S,
    build=S,
    call_rate=F,
    n_het=I,
    n_hom_alt=I,
    het_hom_ratio=F,
    titv=F,
    inferred_sex=S,
    x_het_rate=F,
    status=S,
    reason=S,
)

GENOME_RELATIVE = table(
    "genome_relative",
    "One row per pair of samples of one build that share more of their genome than strangers: KING-robust kinship over"
    " common autosomal variants, one per 100,000 bases, as far down as their number allows. relation: same_genome (a"
    " duplicate, or identical twins), first_degree, second_degree, third_degree. kinship is null where a file lists no"
    " reference calls: then only one genome is told, by equal genotypes. None beyond 5,000 samples of a build.",
    source=S,
    sample=S,
    other_source=S,
    other_sample=S,
    build=S,
    n_sites=I,
    n_ibs0=I,
    concordance=F,
    kinship=F,
    relation=S,
)

GENOME_FINGERPRINT = table(
    "genome_fingerprint",
    "One row per sample and build: its dosages at the variants that kinship is read from, in one order for all samples"
    " of the build; -1 not assessed. Two samples of one person are held against each other with it.",
    source=S,
    sample=S,
    build=S,
    n_assessed=I,
    dosages=pa.list_(pa.int8()),
)

DERIVED = (
    GENOME_SCORE,
    GENOME_SCORE_AUDIT,
    GENOME_DIPLOTYPE,
    GENOME_RECOMMENDATION,
    GENOME_MARKER,
    GENOME_FINDING,
    GENOME_SAMPLE_QC,
    GENOME_RELATIVE,
    GENOME_FINGERPRINT,
)
