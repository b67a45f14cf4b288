"""What assets need from outside: the home and its settings."""

import dagster as dg

from lake.settings import Settings


class Home(dg.ConfigurableResource["Home"]):
    """The folder of all state. Empty means the environment's ``TWIN_HOME``."""

    path: str = ""

    def settings(self) -> Settings:
        """The typed settings of this home."""
        return Settings(home=self.path) if self.path else Settings()  # type: ignore[arg-type]
