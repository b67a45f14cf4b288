"""The formats of this room that can be landed."""

from __future__ import annotations

from genomics.clinvar import READER as CLINVAR_READER
from genomics.score_file import READER as SCORE_FILE_READER
from genomics.vcf import INDEX_READER, VCF_READER
from lake.reader import Reader

READERS: tuple[Reader, ...] = (INDEX_READER, CLINVAR_READER, VCF_READER, SCORE_FILE_READER)
