"""One module a field; each `make()` writes its files into scripts/samples/files."""
