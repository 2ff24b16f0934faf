"""Language model providers behind one port: hosted models over their own client libraries, and an offline extract."""
