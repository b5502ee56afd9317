"""One invocation, from its budget to what came of it. Nothing in here is public."""
