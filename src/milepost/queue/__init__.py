"""The only place that knows Redis and arq: bells are rung here, and the worker sleeps on them."""
