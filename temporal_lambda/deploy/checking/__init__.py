"""Looks at a deployment, changes nothing, and says what will fail, leak or cost."""
