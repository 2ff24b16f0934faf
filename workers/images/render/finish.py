"""Layer 11: cel grain, a slight vignette and a streak of gloss."""

from __future__ import annotations

import numpy as np

from workers.images.render.field import Plane, clip, grid, noise, ramp


def finish(picture: Plane, *, grain: bool, gloss: float, seed: int) -> None:
    """In place; `gloss` is the streak's strength, 0 … 1."""
    size = picture.shape[1]
    x, y = grid(size)
    radius = np.sqrt((x - np.float32(0.5)) ** 2 + (y - np.float32(0.5)) ** 2)
    picture *= np.float32(1) - ramp(radius, 0.42, 0.74) * np.float32(0.06 * 2.2)
    if gloss > 0:
        streak = _streaks(x, y) * np.float32(gloss)
        picture += (np.float32(1) - picture) * streak
    if grain:
        picture += (noise(size, size, seed + 5) - np.float32(0.5)) * np.float32(0.016)
    np.clip(picture, 0, 1, out=picture)


def _streaks(x: Plane, y: Plane) -> Plane:
    """Two bands at 30 degrees, sharp on one side."""
    across = x * np.float32(0.8660) + y * np.float32(0.5)
    wide = ramp(across, 0.30, 0.302) * ramp(across, 0.44, 0.36)
    thin = ramp(across, 0.465, 0.467) * ramp(across, 0.492, 0.480)
    corner = ramp(x + y, 0.62, 0.10) * np.float32(0.35)
    return clip(wide * np.float32(0.75) + thin * np.float32(0.6) + corner)
