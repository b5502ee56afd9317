"""The threads of an invocation: the loop it runs in, and who watches that loop."""
