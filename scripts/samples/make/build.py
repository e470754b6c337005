#!/usr/bin/env python3
"""Makes all sample files again: build.py, or build.py maths arts for some fields."""

import importlib
import sys

from kit import FILES, STORY

FIELDS = ("maths", "languages", "nature", "arts", "society", "practice")

if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    STORY.mkdir(exist_ok=True)
    for field in sys.argv[1:] or FIELDS:
        print(f"… {field}")
        importlib.import_module(f"lessons.{field}").make()
