"""The engine: one SBML file, two ways to run it, and the suite that qualifies both."""
