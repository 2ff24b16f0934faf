"""The HTTP face: thin routes over the engine's verbs and the database's reads."""
