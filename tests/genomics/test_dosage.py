"""The dosage matrix against the sparse rows of the same file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genomics.dosage import dosage_batches
from tests.genomics.vcf_text import write_vcf


@pytest.mark.parametrize("odd", [False, True])
def test_dosages_of_every_spelling(tmp_path: Path, odd: bool) -> None:
    calls = {"0/0": 0, "0|1": 1, "1|1": 2, "./.": -1, "0/.": -1, "1/2": 2}
    if odd:
        calls |= {"1": 1, "0": 0, ".": -1, "10/0": -1}
    records = [f"chr1 {position} . A C,G . . . GT {' '.join(calls)}" for position in (100, 200)]
    path = write_vcf(tmp_path / "a.vcf", records, [f"s{index}" for index in range(len(calls))])
    if odd:  # ten alternate alleles would be needed for 10/0, decoding alone does not know them
        calls["10/0"] = 1
    found = np.concatenate([batch.matrix for batch in dosage_batches(path)])
    assert found.tolist() == [list(calls.values())] * 2
