"""A project becomes a zip that Lambda runs: small, fast to import, the same bytes each time."""
