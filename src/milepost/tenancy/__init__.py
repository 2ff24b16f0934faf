"""Tenants: the control database, its keys, its models and prices."""
