"""XLSX: a workbook that prints on A4 and computes by itself."""

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from . import AUTHOR, MADE, office, tidy

FONT = "微软雅黑"
THIN = Side(style="thin", color="B9B2AC")
EDGE = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)


def book(title, subject="", keywords=""):
    wb = Workbook()
    p = wb.properties
    p.title, p.subject, p.keywords = title, subject, keywords
    p.creator = p.lastModifiedBy = AUTHOR
    p.created = p.modified = MADE
    return wb


def save(wb, path):
    """Saves through LibreOffice, which computes: previews and search then find values, not formulas without results."""
    wb.save(path)
    office.convert(path, path, "xlsx:Calc MS Excel 2007 XML")
    tidy.office(path)


def put(ws, ref, value, size=11, bold=False, colour="2A2421", fill=None, align="center", border=True, wrap=True, fmt=None):
    c = ws[ref]
    c.value = value
    c.font = Font(name=FONT, size=size, bold=bold, color=colour)
    c.alignment = Alignment(horizontal=align, vertical="center", wrap_text=wrap)
    if fill:
        c.fill = PatternFill("solid", fgColor=fill)
    if border:
        c.border = EDGE
    if fmt:
        c.number_format = fmt
    return c


def page(ws, landscape=False):
    ws.page_setup.paperSize = 9
    ws.page_setup.orientation = "landscape" if landscape else "portrait"
    ws.page_setup.fitToWidth, ws.page_setup.fitToHeight = 1, 0
    ws.sheet_properties.pageSetUpPr.fitToPage = True
    ws.print_options.horizontalCentered = True
    ws.page_margins.left = ws.page_margins.right = 0.5
    ws.sheet_view.showGridLines = False
