"""Takes out of finished files what says nothing about the lesson: previews of templates, printer settings, hours of making."""

import re
import zipfile
from pathlib import Path

DROP = re.compile(r"docProps/thumbnail|printerSettings|^customXml/|docProps/custom")
APP = ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
       "<Application>木棉示例</Application></Properties>")


def office(path):
    """Rewrites a DOCX, PPTX or XLSX in place."""
    path = Path(path)
    with zipfile.ZipFile(path) as z:
        parts = {n: z.read(n) for n in z.namelist() if not DROP.search(n)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, data in parts.items():
            if name.endswith(".rels"):
                data = re.sub(rb"<Relationship\b[^>]*(?:thumbnail|printerSettings|customXml|docProps/custom)[^>]*/>", b"", data)
            elif name == "[Content_Types].xml":
                data = re.sub(rb"<Override\b[^>]*/(?:customXml/|docProps/custom)[^>]*/>", b"", data)
            elif name == "docProps/app.xml":
                data = APP.encode()
            elif name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-09-01T08:00:00Z", data).replace(b">en-US<", b">zh-CN<")
            elif name == "xl/styles.xml":
                # LibreOffice writes the stand-in that it found here; the name meant is the one that Windows has.
                data = data.replace(b"Noto Sans CJK SC", "微软雅黑".encode())
            z.writestr(zipfile.ZipInfo(name, (2026, 9, 1, 8, 0, 0)), data, zipfile.ZIP_DEFLATED)


def pdf(path):
    """Gives a PDF a fixed date of the same length, so that no offset in it moves."""
    path = Path(path)
    path.write_bytes(re.sub(rb"((?:Creation|Mod)Date ?\(D:)\d{14}", rb"\g<1>20260901080000", path.read_bytes()))
