"""PDF by LibreOffice, from a DOCX made here (what a teacher gets with 另存为 PDF)."""

import subprocess
import tempfile
from pathlib import Path


def to_pdf(source, target):
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["soffice", f"-env:UserInstallation=file://{work}/profile", "--headless", "--convert-to", "pdf", "--outdir", work, str(source)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = Path(work) / (Path(source).stem + ".pdf")
        Path(target).write_bytes(made.read_bytes())
