"""The side of Lambda: handlers that serve runs. Needs neither Dagster nor boto3."""
