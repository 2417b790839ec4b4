"""Generations of light sources: bends, undulators, free-electron lasers and microbunched rings side by side."""
