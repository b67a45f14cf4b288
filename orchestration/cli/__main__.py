"""``python -m orchestration.cli``: the same as the ``twin`` command."""

from orchestration.cli import main

main()
