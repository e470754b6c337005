"""DOCX: a lesson plan as a teacher would lay it out, in fonts that Windows has and Linux replaces well."""

import io

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from . import AUTHOR, BLUE, GREY, MADE, tidy

BODY, HEAD = "宋体", "微软雅黑"


def _rgb(colour):
    return RGBColor.from_string(colour.lstrip("#"))


def style(style_or_run, name, size=None, colour=None, bold=None):
    font = style_or_run.font
    font.name = "Times New Roman" if name == BODY else "Arial"
    fonts = style_or_run.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), name)
    if size:
        font.size = Pt(size)
    if colour:
        font.color.rgb = _rgb(colour)
    if bold is not None:
        font.bold = bold


class Word:
    def __init__(self, title, subtitle="", subject="", keywords="", colour=BLUE):
        self.colour = colour
        d = self.d = Document()
        p = d.core_properties
        p.title, p.subject, p.keywords = title, subject, keywords
        p.author = p.last_modified_by = AUTHOR
        p.comments, p.language = "", "zh-CN"
        p.created = p.modified = MADE
        s = d.sections[0]
        s.page_width, s.page_height = Cm(21), Cm(29.7)
        s.left_margin = s.right_margin = Cm(2.3)
        s.top_margin, s.bottom_margin = Cm(1.8), Cm(1.7)
        lang = d.styles.element.find(f".//{qn('w:rPrDefault')}//{qn('w:lang')}")
        lang.set(qn("w:eastAsia"), "zh-CN")
        normal = d.styles["Normal"]
        style(normal, BODY, 11)
        normal.paragraph_format.space_after = Pt(4)
        normal.paragraph_format.line_spacing = 1.3
        for level, size in ((1, 14), (2, 12)):
            h = d.styles[f"Heading {level}"]
            style(h, HEAD, size, colour, True)
            h.paragraph_format.space_before, h.paragraph_format.space_after = Pt(12 if level == 1 else 8), Pt(4)
            h.paragraph_format.keep_with_next = True
        t = d.styles["Title"]
        style(t, HEAD, 22, colour, True)
        t.paragraph_format.space_after = Pt(2)
        for border in t.element.pPr.findall(qn("w:pBdr")):
            t.element.pPr.remove(border)
        d.add_paragraph(title, style="Title").alignment = WD_ALIGN_PARAGRAPH.CENTER
        if subtitle:
            q = d.add_paragraph()
            q.alignment = WD_ALIGN_PARAGRAPH.CENTER
            q.paragraph_format.space_after = Pt(10)
            style(q.add_run(subtitle), HEAD, 10.5, GREY)

    def h1(self, text):
        self.d.add_heading(text, 1)

    def h2(self, text):
        self.d.add_heading(text, 2)

    def _runs(self, p, text):
        # **bold** in the text becomes bold in the paragraph.
        for i, part in enumerate(text.split("**")):
            if part:
                run = p.add_run(part)
                if i % 2:
                    style(run, HEAD, colour=self.colour, bold=True)
        return p

    def p(self, *texts, indent=False, align=None):
        for text in texts:
            p = self._runs(self.d.add_paragraph(), text)
            if indent:
                p.paragraph_format.first_line_indent = Pt(22)
            if align == "center":
                p.alignment = WD_ALIGN_PARAGRAPH.CENTER

    def items(self, *texts, numbered=True):
        for i, text in enumerate(texts, 1):
            p = self._runs(self.d.add_paragraph(), (f"{i}．" if numbered else "· ") + text)
            p.paragraph_format.left_indent = Pt(22)
            p.paragraph_format.first_line_indent = Pt(-18)
            p.paragraph_format.space_after = Pt(2)

    def table(self, rows, widths, head=True, first_bold=False, size=10, heights=None, centre=()):
        t = self.d.add_table(rows=len(rows), cols=len(rows[0]))
        t.alignment, t.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        borders = OxmlElement("w:tblBorders")
        for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
            b = OxmlElement(f"w:{side}")
            for k, v in (("val", "single"), ("sz", "6"), ("color", "A79F98")):
                b.set(qn(f"w:{k}"), v)
            borders.append(b)
        # The schema wants the borders before the layout; Word is strict about it.
        t._tbl.tblPr.find(qn("w:tblLayout")).addprevious(borders)
        for column, width in zip(t.columns, widths):
            column.width = Cm(width)
        for r, row in enumerate(rows):
            trPr = t.rows[r]._tr.get_or_add_trPr()
            trPr.append(OxmlElement("w:cantSplit"))
            if heights:
                t.rows[r].height = Cm(heights if r or not head else 0.8)
            if head and r == 0:
                trPr.append(OxmlElement("w:tblHeader"))
            for c, text in enumerate(row):
                cell = t.cell(r, c)
                cell.width = Cm(widths[c])
                strong = (head and r == 0) or (first_bold and c == 0)
                if strong:
                    shade = OxmlElement("w:shd")
                    for k, v in (("val", "clear"), ("color", "auto"), ("fill", "EFF4F5")):
                        shade.set(qn(f"w:{k}"), v)
                    cell._tc.get_or_add_tcPr().append(shade)
                for k, part in enumerate(str(text).split("\n")):
                    p = cell.paragraphs[0] if k == 0 else cell.add_paragraph()
                    p.paragraph_format.space_after, p.paragraph_format.line_spacing = Pt(1), 1.2
                    if strong and head and r == 0 or c in centre:
                        p.alignment = WD_ALIGN_PARAGRAPH.CENTER
                    # A table of a few rows stays on one page.
                    p.paragraph_format.keep_with_next = len(rows) <= 7 and r < len(rows) - 1
                    self._runs(p, part)
                    for run in p.runs:
                        run.font.size = Pt(size)
                        if strong:
                            style(run, HEAD, size, bold=True)
        gap = self.d.add_paragraph()
        gap.paragraph_format.space_after, gap.paragraph_format.line_spacing = Pt(0), Pt(6)

    def picture(self, png, width_cm, alt):
        p = self.d.add_paragraph()
        p.alignment = WD_ALIGN_PARAGRAPH.CENTER
        shape = p.add_run().add_picture(io.BytesIO(png), width=Cm(width_cm))
        shape._inline.docPr.set("descr", alt)
        shape._inline.docPr.set("name", "图")

    def page_break(self):
        self.d.add_page_break()

    def save(self, path):
        self.d.save(path)
        tidy.office(path)
