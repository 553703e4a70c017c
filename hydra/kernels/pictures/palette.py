"""The palettes of the mandelbrot kernel, as stops in sRGB, and the curve of linear light.

A palette is a cycle: its stops are evenly spaced around it and a smooth curve (Catmull and Rom's)
runs through them, back to the first. Growing counts run through the cycle again and again; the
inside of the set is black. The last nine have the names of another renderer's modes; the formulas
are our own.
"""

from __future__ import annotations

from functools import cache

PALETTES = {
    "dusk": "#060a2e #123a8c #3f8fd6 #d9f0f7 #fff2c4 #f7a63b #a6351f #3b0a2b",
    "ember": "#050206 #3a0612 #9c1c10 #ee6a12 #ffc94a #fff6da #d98a5c #5a2130",
    "glacier": "#02121f #06405f #1d86a8 #8fd3dc #f4fbfb #a9c7e8 #4a6fb5 #14255c",
    "orchid": "#12041f #4a126b #a53aa0 #f08ac0 #ffe9ef #b9c9f7 #5a6fd0 #1f1f6e",
    "moss": "#07130a #1f4420 #5d8a2d #c3cf5a #f7f3cf #d9a85a #8a5a2b #35260f",
    "black-white": "#ffffff",
    "grey": "#101010 #505050 #a8a8a8 #f4f4f4 #a8a8a8 #505050",
    "blue-green-red": "#050a64 #0a5ac8 #14b4a0 #50d250 #dcdc3c #e6501e #8c0a14 #32053c",
    "blue-orange": "#0a1e5a #286eb4 #a0d2f0 #fff5e1 #ffaf46 #b4501e #3c1e28",
    "colourful-1": "#e6194b #f58231 #ffe119 #3cb44b #46d2f0 #4363d8 #911eb4",
    "colourful-2": "#1b1035 #ff3c78 #ffd23c #28c8b4 #f5f5ff #3c64f0 #8c1eaa #0a5a46",
    "sunset": "#1e0f32 #5a1e50 #b43750 #f06e46 #ffb950 #ffebb4 #c86e6e #5a2d5a",
    "ocean": "#02101e #053a5a #0a7896 #32b4aa #b4f0dc #f0fffa #5aa0c8 #143c78",
    "rainbow": "#ff0000 #ffaa00 #aaff00 #00ff55 #00ffff #0055ff #5500ff #ff00aa",
}
"""Stops of each palette, by name; the first name is the default."""


@cache
def stops(name: str) -> bytes:
    """The palette's stops, three bytes of sRGB each."""
    return bytes.fromhex(PALETTES[name].replace("#", ""))


LINEAR_MAX = 65535


@cache
def linear() -> bytes:
    """Linear light of each sRGB level, 0 to 65535, as 256 little-endian uint16.

    The curve is ((v + 0.055) / 1.055)^2.4 of the level's share v, and v / 12.92 up to 0.04045, each
    rounded to the nearest whole number. In whole numbers throughout: a libm's power may differ in
    its last bit from another's.
    """
    curve = []
    light = 0
    for level in range(256):
        if level <= 10:  # 10 / 255 < 0.04045 < 11 / 255
            light = (2 * level * LINEAR_MAX * 100 + 255 * 1292) // (2 * 255 * 1292)
        else:
            light = _curved(level, light)
        curve.append(light)
    return b"".join(value.to_bytes(2, "little") for value in curve)


def _curved(level: int, low: int) -> int:
    """The nearest whole number, at least `low`, to 65535 * (a / b)^(12/5) of an exact a / b."""
    a, b = 200 * level + 11 * 255, 211 * 255
    goal, scale = (2 * LINEAR_MAX) ** 5 * a**12, b**12
    high = LINEAR_MAX
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if (2 * middle - 1) ** 5 * scale <= goal else (low, middle - 1)
    return low
