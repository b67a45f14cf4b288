"""As-of features: sets declared in YAML, compiled to SQL, every value with the moment its last input was known."""
