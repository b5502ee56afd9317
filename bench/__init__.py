"""Measurements beside ``temporalio.contrib.aws.lambda_worker``, on this machine: ``make bench``."""
