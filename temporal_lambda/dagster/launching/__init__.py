"""The side of Dagster: what the run launcher is made of. Needs Dagster and boto3."""
