"""The dashboard: pages for people, over the same reads as the API."""
