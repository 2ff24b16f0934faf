"""The rules of a tracked job as data and pure functions: no await, no I/O, no clock, no environment."""
