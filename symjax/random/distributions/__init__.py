"""The distributions, one family per file."""
