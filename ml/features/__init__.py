"""As-of features: sets declared in YAML, compiled to SQL, every value with the latest moment its inputs became known."""
