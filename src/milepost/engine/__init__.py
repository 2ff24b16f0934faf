"""One verb per file; a use case is one transaction. Knows no kind by name, no HTTP, no Redis."""
