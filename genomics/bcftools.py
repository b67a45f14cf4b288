"""bcftools in this process, as the pysam wheel bundles it: no external program is needed.

It keeps global state and writes to the process's own streams, so calls are made one at a time and always into files.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from lake.quarantine import BadFile

_ONE_AT_A_TIME = threading.Lock()


def run(command: str, *arguments: str, output: Path) -> list[str]:
    """Run a bcftools command and let it write to ``output``.

    Args:
        command: such as ``norm``.
        arguments: its options and inputs, without ``-o``.
        output: the file it writes.

    Returns:
        What it wrote to standard error, line by line.

    Raises:
        BadFile: it failed; the detail is the first line of its message that says why.
    """
    import pysam
    import pysam.bcftools
    import pysam.utils

    dispatched = getattr(pysam.bcftools, command)
    with _ONE_AT_A_TIME:
        verbosity = pysam.set_verbosity(0)
        try:
            dispatched("-o", str(output), *arguments, catch_stdout=False)
        except pysam.utils.SamtoolsError as error:
            raise BadFile("bcftools_failed", f"bcftools {command}: {_reason(str(error), arguments)}") from None
        finally:
            pysam.set_verbosity(verbosity)
        return str(dispatched.get_messages() or "").splitlines()


def _reason(message: str, arguments: tuple[str, ...]) -> str:
    text = message.split("stderr=", 1)[-1].strip().replace("\\n", "\n").strip("'\"[]\n")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Lines ")]
    if not lines:
        return "it gave no reason"
    if contig := re.match(r"faidx_fetch_seq failed at (.+):\d+", lines[-1]):
        return f"contig {contig[1]} is not in the reference genome; take the one that the file was called against"
    return lines[-1][:300]
