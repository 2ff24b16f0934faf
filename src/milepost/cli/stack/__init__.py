"""Everything a stack needs in one folder: servers, databases, secrets, and the processes that use them."""
