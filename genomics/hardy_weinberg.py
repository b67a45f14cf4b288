"""The exact test of Hardy-Weinberg equilibrium (Wigginton, Cutler and Abecasis 2005, doi:10.1086/429864)."""

from __future__ import annotations

import numpy as np

_TIE = 1e-8
"""Two tables are equally likely when their log probabilities differ by less: rounding must not break ties."""


def exact_p(het: np.ndarray, hom_first: np.ndarray, hom_second: np.ndarray) -> np.ndarray:
    """Two-sided p values: the share of tables with the same allele counts that are no likelier than the one seen.

    Args:
        het, hom_first, hom_second: counts of genotypes, of equal length.

    Returns:
        One p value per table; 1.0 where there is no genotype or only one allele.
    """
    het, first, second = (np.asarray(one, dtype=np.int64) for one in (het, hom_first, hom_second))
    largest = int((het + first + second).max(initial=0))
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, 2 * largest + 1, dtype=np.float64)))))
    rare = 2 * np.minimum(first, second) + het
    # many variants share their counts, above all the rare ones
    tables, where = np.unique(np.stack([het, rare, het + first + second]), axis=1, return_inverse=True)
    found = [_p(*map(int, table), log_factorial=log_factorial) for table in tables.T]
    return np.array(found, dtype=np.float64)[where.ravel()] if found else np.empty(0)


def _p(het: int, rare: int, people: int, *, log_factorial: np.ndarray) -> float:
    if rare == 0:
        return 1.0
    hets = np.arange(rare % 2, rare + 1, 2)
    rare_homs = (rare - hets) // 2
    common_homs = people - hets - rare_homs
    logs = hets * np.log(2.0) - log_factorial[hets] - log_factorial[rare_homs] - log_factorial[common_homs]
    seen = logs[het // 2]
    # relative to the likeliest table, so that nothing underflows
    weights = np.exp(logs - logs.max())
    return float(min(weights[logs <= seen + _TIE].sum() / weights.sum(), 1.0))
