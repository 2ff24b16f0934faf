"""What each kind IS: table, machine, request and result models, policies. Kinds never import each other."""
