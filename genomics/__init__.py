"""The room of the genome: VCF and gVCF files, polygenic scores, pharmacogenes, markers and findings.

Hands out `readers.READERS` and `tables.TABLES` (bytes to raw tables), `derive.derive` (raw tables to derived tables),
and the functions behind `twin vcf`, `twin pgs` and `twin pgx`, which take a file and need no platform around it.

One rule stands above all others: absence is not a value. A site is called, asserted homozygous reference by explicit
evidence, or not assessed; nothing turns the last into one of the first two.
"""
