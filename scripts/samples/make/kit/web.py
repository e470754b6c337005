"""HTML and SVG by Chromium: PDF pages with real text, and PNG drawings."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import tidy

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
SANS = "'Noto Sans CJK SC','Microsoft YaHei',sans-serif"
SERIF = "'Noto Serif CJK SC',SimSun,serif"
BASE = f"""*{{box-sizing:border-box}}body{{margin:0;font-family:{SANS};color:#2A2421;-webkit-print-color-adjust:exact}}
h1,h2,h3,p,ol,ul{{margin:0}}table{{border-collapse:collapse}}"""


def _chromium(args, html, workdir):
    page = Path(workdir) / "page.html"
    page.write_text(html, encoding="utf-8")
    subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-agent=Chromium", f"--user-data-dir={workdir}/profile",
                    *args, page.as_uri()], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TZ": "UTC"})


def document(title, body, css="", size="A4", margin="16mm 17mm"):
    return (f"<!doctype html><html lang=zh-CN><meta charset=utf-8><meta name=author content=木棉示例><title>{title}</title>"
            f"<style>@page{{size:{size};margin:{margin}}}{BASE}{css}</style><body>{body}</body></html>")


def pdf(path, title, body, css="", size="A4", margin="16mm 17mm"):
    with tempfile.TemporaryDirectory() as work:
        _chromium(["--no-pdf-header-footer", "--disable-pdf-tagging", f"--print-to-pdf={path}"], document(title, body, css, size, margin), work)
    tidy.pdf(path)


def png(svg, width, height, scale=2, colours=128):
    """Renders an SVG (or HTML) of width by height CSS pixels; returns small PNG bytes."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out.png"
        html = f"<!doctype html><meta charset=utf-8><style>{BASE}svg{{display:block}}</style>{svg}"
        _chromium([f"--screenshot={out}", f"--window-size={width},{height}", f"--force-device-scale-factor={scale}"], html, work)
        small = Path(work) / "small.png"
        subprocess.run(["pngquant", "--strip", "--speed", "1", "--output", small, str(colours), out], check=True)
        subprocess.run(["optipng", "-quiet", "-o3", small], check=True)
        return small.read_bytes()


def svg(width, height, body, ground="#FFFFFF"):
    back = f'<rect width="{width}" height="{height}" fill="{ground}"/>' if ground else ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="{SANS}">'
            f"{back}{body}</svg>")


def text(x, y, words, size=16, fill="#2A2421", anchor="middle", weight=400, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}" {extra}>{words}</text>'
