"""What kernels that draw build on: views, the order of tiles, palettes, PNG files."""
