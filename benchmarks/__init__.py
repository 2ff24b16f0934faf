"""Measures Milepost beside its ceiling, its floor and stock arq, in one run on one machine. `make bench` runs it."""
