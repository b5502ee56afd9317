"""The settings: their table, their values, and the file and variables they are read from."""
