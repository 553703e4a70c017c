"""The same functions in NumPy: what the compiled ones must equal, and what runs without them."""
