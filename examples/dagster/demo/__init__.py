"""Runs the example on this machine: Dagster, Temporal and Lambda, none of them elsewhere."""
