"""Builds go out, come back and are cleaned up: what AWS has, what Temporal routes to."""
