"""Milepost tracks long-running jobs: every step is decided by rules, fenced by a version and recorded."""

__version__ = "0.1.0"
