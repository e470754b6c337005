"""PDF by Typst: papers with formulas and drawings."""

import tempfile
from pathlib import Path

import typst

PREAMBLE = """
#set text(font: ("Libertinus Serif", "Noto Serif CJK SC"), lang: "zh", region: "cn", size: 10.5pt, fill: rgb("#2A2421"))
#set page(paper: "a4", margin: (x: 20mm, y: 18mm), numbering: "1 / 1")
#set par(leading: 0.85em, spacing: 1.05em)
#let sans(body, ..a) = text(font: "Noto Sans CJK SC", ..a)[#body]
#show heading: set text(font: "Noto Sans CJK SC", weight: "bold", fill: rgb("#135E78"))
#show heading.where(level: 1): set text(size: 13pt)
#show heading.where(level: 2): set text(size: 11.5pt)
#let blank(n) = box(width: n, stroke: (bottom: 0.6pt), outset: (bottom: 2pt))
"""


def pdf(path, title, source, keywords=()):
    words = ", ".join(f'"{k}"' for k in keywords)
    head = f'#set document(title: "{title}", author: "木棉示例", keywords: ({words},), date: datetime(year: 2026, month: 9, day: 1))\n'
    with tempfile.TemporaryDirectory() as work:
        page = Path(work) / "page.typ"
        page.write_text(head + PREAMBLE + source, encoding="utf-8")
        typst.compile(str(page), output=str(path))
