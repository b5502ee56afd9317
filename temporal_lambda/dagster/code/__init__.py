"""The steps of a code location's own jobs, run in Lambda; imports Dagster."""
