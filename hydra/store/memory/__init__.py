"""The accounts in plain Python: the readable edition of the protocol."""
