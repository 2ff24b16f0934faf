"""What each kind DOES: handlers and their adapters. Nothing in `milepost` imports this package by name."""
