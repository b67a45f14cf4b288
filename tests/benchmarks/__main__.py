"""``python -m tests.benchmarks``: run the areas and show what they measured."""

from __future__ import annotations

import argparse
import os
import pkgutil
import shutil
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import tests.benchmarks as here
from tests.benchmarks import report
from tests.benchmarks.cost import ROOT

RESULTS = ROOT / "bench_results"


def areas() -> dict[str, ModuleType]:
    """Every module here that can measure."""
    found = {one.name: f"{here.__name__}.{one.name}" for one in pkgutil.iter_modules(here.__path__)}
    modules = {name: import_module(path) for name, path in sorted(found.items()) if not name.startswith("_")}
    return {name: module for name, module in modules.items() if hasattr(module, "measure")}


def main() -> int:
    """Run, print, keep. Exit status 1 if an area could not be measured; a missed budget is shown, not an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=here.__doc__)
    parser.add_argument("--only", action="append", metavar="AREA", help="one area; may be given several times")
    parser.add_argument("--json", type=Path, default=RESULTS / "latest.json", help="where the figures are kept")
    parser.add_argument("--people", type=int, help="size of the population of `demo` and `truth`")
    parser.add_argument("--keep", action="store_true", help="keep the homes that were built, to build on them")
    given = parser.parse_args()
    known = areas()
    if unknown := set(given.only or ()) - set(known):
        parser.error(f"no area {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    os.environ.setdefault("TWIN_BENCH", str(RESULTS / "homes"))
    Path(os.environ["TWIN_BENCH"]).mkdir(parents=True, exist_ok=True)
    if given.people:
        os.environ["TWIN_BENCH_PEOPLE"] = str(given.people)
    measured, failed = {}, False
    for name in given.only or known:
        try:
            measured[name] = known[name].measure()
        except Exception as error:  # the other areas are still worth their time
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        report.table(name, measured[name])
        report.keep(given.json, measured)
    print(f"kept in {given.json}")
    if not given.keep:
        shutil.rmtree(RESULTS / "homes", ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
