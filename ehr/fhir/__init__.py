"""FHIR R4: bulk NDJSON and Bundles, flattened by SQL-on-FHIR v2 ViewDefinitions compiled to native DuckDB SQL.

``compile_view`` and ``run_view`` work for any ViewDefinition and any NDJSON; ``views/*.json`` are the ones that fill
the raw tables, ``reader.READERS`` lands files with them.
"""

from ehr.fhir.compile import CompileError, compile_view, plan_view
from ehr.fhir.run import run_view
from ehr.fhir.viewdefinition import ViewDefinition

__all__ = ["CompileError", "ViewDefinition", "compile_view", "plan_view", "run_view"]
