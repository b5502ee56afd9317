"""What can be set from outside: the table of settings, their values, and where they come from."""
