"""The only place that knows SQL: tables, the ledger that writes them, the reads that show them."""
