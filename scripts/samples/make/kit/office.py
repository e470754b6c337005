"""LibreOffice: a PDF from a DOCX made here (what a teacher gets with 另存为 PDF), a workbook with its formulas computed."""

import subprocess
import tempfile
from pathlib import Path

from . import tidy


def convert(source, target, form):
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["soffice", f"-env:UserInstallation=file://{work}/profile", "--headless", "--convert-to", form, "--outdir", work, str(source)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = Path(work) / f"{Path(source).stem}.{form.split(':')[0]}"
        Path(target).write_bytes(made.read_bytes())


def to_pdf(source, target):
    convert(source, target, "pdf")
    tidy.pdf(target)
