"""What each kind does: its handler and the adapters to the world outside."""
