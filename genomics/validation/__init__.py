"""Validation of VCF files against the specification, with the line and the reason of every fault.

htslib, and with it pysam, reads on over most violations (it refuses about a tenth of the invalid files of hts-specs),
so what the specification demands is checked here. Hands out `validate.validate`.
"""
