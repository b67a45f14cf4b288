"""Units and codes: UCUM conversion and code checks, through the SQL macros and seeds of ``transform/``.

The same SQL text runs in the warehouse and here, so ``twin ucum`` and the ledger cannot disagree.
"""
