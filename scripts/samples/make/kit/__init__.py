"""What all lessons share: palette, folders, and one module for each kind of file."""

from datetime import datetime
from pathlib import Path

FILES = Path(__file__).resolve().parents[2] / "files"
STORY = Path(__file__).resolve().parents[2] / "story"
AUTHOR = "木棉示例"
# One fixed time, so that making the files again changes as little as possible.
MADE = datetime(2026, 9, 1, 8, 0, 0)

INK, GREY, LINE, PAPER = "#2A2421", "#5A514B", "#D8D2CC", "#FFFFFF"
RED, RED_TINT = "#C23B16", "#FBE9E1"
BLUE, BLUE_TINT = "#135E78", "#D9EBF1"
GREEN, GREEN_TINT = "#2A6A3B", "#E4F0E5"
GOLD, GOLD_TINT = "#B87400", "#FAEFD6"
