#!/usr/bin/env python3
"""Checks samples.json and story.json against the files: names, sizes, words of the vocabulary, and nothing private inside.

check.py [vocabulary.json]   (without it, the slugs are not looked up)
"""

import json
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODES = {"city", "miyi", "yanbian", "hewan", "hecaoba", "yunshanping", "qinggangya"}
LIMITS = {".mp3": 150_000, ".mp4": 400_000}
# What a file must not tell about the machine that made it.
PRIVATE = re.compile(rb"/home/|/r[o]ot/|/tmp/|/Users/|file://|python-docx|python-pptx|openpyxl|Steve Canny")


def inside(path):
    if path.suffix in (".docx", ".pptx", ".xlsx"):
        with zipfile.ZipFile(path) as z:
            return b"\n".join(z.read(n) for n in z.namelist())
    return path.read_bytes()


def check(folder, listing, vocabulary):
    resources = json.loads((ROOT / listing).read_text(encoding="utf-8"))
    faults, listed = [], []
    for r in resources:
        say = lambda words: faults.append(f"{r['title']}: {words}")
        if r["node"] not in NODES:
            say(f"unknown node {r['node']}")
        if not 100 <= len(r["description"]) <= 200:
            say(f"description has {len(r['description'])} characters")
        for field in ("subject", "stage", "kind", "license", "visibility"):
            if vocabulary and r[field] not in vocabulary[field]:
                say(f"{field} {r[field]} is not in the vocabulary")
        if vocabulary and r["grade"] is not None and not 1 <= r["grade"] <= len(vocabulary["stage"][r["stage"]]["years"]):
            say(f"no year {r['grade']} in {r['stage']}")
        listed += r["files"]
        for name in r["files"]:
            path = ROOT / folder / name
            if not path.is_file():
                say(f"no file {name}")
                continue
            if len(name.encode()) > 80:
                say(f"name of {len(name.encode())} bytes: {name}")
            if path.stat().st_size > LIMITS.get(path.suffix, 500_000):
                say(f"{name} has {path.stat().st_size} bytes")
            if found := PRIVATE.search(inside(path)):
                say(f"{name} holds {found.group().decode()}")
    there = {p.name for p in (ROOT / folder).iterdir() if p.suffix != ".json"}
    faults += [f"{n} is in no resource" for n in there - set(listed)]
    size = sum((ROOT / folder / n).stat().st_size for n in there)
    print(f"{listing}: {len(resources)} resources, {len(there)} files, {size / 1e6:.2f} MB")
    return faults, size


if __name__ == "__main__":
    vocabulary = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 1 else None
    a, size = check("files", "samples.json", vocabulary)
    b, more = check("story", "story/story.json", vocabulary)
    faults = a + b + (["more than 5 MB in all"] if size + more > 5_000_000 else [])
    print("\n".join(faults) or "all well")
    sys.exit(bool(faults))
