"""PPTX: slides of native, editable shapes (a teacher changes numbers, not pictures)."""

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from . import AUTHOR, BLUE, INK, MADE, tidy

FONT, LATIN = "Microsoft YaHei", "Arial"  # Latin letters of YaHei have no good stand-in on Linux
ALIGN = {"l": PP_ALIGN.LEFT, "c": PP_ALIGN.CENTER, "r": PP_ALIGN.RIGHT}


def rgb(colour):
    return RGBColor.from_string(colour.lstrip("#"))


def _style(run, size, colour, bold, font=FONT):
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, rgb(colour)
    run.font.name = LATIN
    rPr = run._r.get_or_add_rPr()
    rPr.set("lang", "zh-CN")
    ea = rPr.makeelement(qn("a:ea"), {"typeface": font})
    rPr.append(ea)


def _plain(shape):
    """Drops the theme's style (its shadow above all); fill and line are always set here."""
    for style in shape._element.findall(qn("p:style")):
        shape._element.remove(style)


class Deck:
    def __init__(self, title, subject="", keywords="", colour=BLUE):
        self.prs, self.colour = Presentation(), colour
        self.prs.slide_width, self.prs.slide_height = Inches(13.333), Inches(7.5)
        p = self.prs.core_properties
        p.title, p.subject, p.keywords, p.comments = title, subject, keywords, ""
        p.author = p.last_modified_by = AUTHOR
        p.created = p.modified = MADE

    def slide(self, title, side="", notes="", bar=True, ground="#FFFFFF", title_box=None, title_size=30, title_colour=None):
        s = self.prs.slides.add_slide(self.prs.slide_layouts[5])
        fill = s.background.fill
        fill.solid()
        fill.fore_color.rgb = rgb(ground)
        self.s = s
        if bar:
            self.box(0, 0, 13.333, 1.15, fill=self.colour)
            if side:
                self.text(7.4, 0.2, 5.4, 0.75, side, size=18, colour="#E9F1F3", align="r", anchor="m")
        t = s.shapes.title
        x, y, w, h = title_box or (0.6, 0.14, 9, 0.9)
        t.left, t.top, t.width, t.height = Inches(x), Inches(y), Inches(w), Inches(h)
        t._element.getparent().append(t._element)  # above the bar
        tf = t.text_frame
        tf.word_wrap, tf.vertical_anchor = True, MSO_ANCHOR.MIDDLE
        tf.text = title
        for para in tf.paragraphs:
            para.alignment = PP_ALIGN.LEFT
            for run in para.runs:
                _style(run, title_size, title_colour or ("#FFFFFF" if bar else INK), True)
        if notes:
            s.notes_slide.notes_text_frame.text = notes
        return s

    def text(self, x, y, w, h, text, size=22, colour=INK, bold=False, align="l", anchor="t", spacing=1.15, font=FONT):
        b = self.s.shapes.add_textbox(Inches(x), Inches(y), Inches(w), Inches(h))
        self._fill_text(b.text_frame, text, size, colour, bold, align, anchor, spacing, font)
        return b

    def _fill_text(self, tf, text, size, colour, bold, align, anchor, spacing=1.15, font=FONT):
        tf.word_wrap = True
        tf.vertical_anchor = {"t": MSO_ANCHOR.TOP, "m": MSO_ANCHOR.MIDDLE, "b": MSO_ANCHOR.BOTTOM}[anchor]
        for i, line in enumerate(text.split("\n")):
            para = tf.paragraphs[0] if i == 0 else tf.add_paragraph()
            para.alignment, para.line_spacing = ALIGN[align], spacing
            for k, part in enumerate(line.split("**")):
                if part:
                    run = para.add_run()
                    run.text = part
                    _style(run, size, self.colour if k % 2 else colour, bold or k % 2 == 1, font)

    def _paint(self, shape, fill, line, width, dash=False):
        _plain(shape)
        if fill:
            shape.fill.solid()
            shape.fill.fore_color.rgb = rgb(fill)
        else:
            shape.fill.background()
        if line:
            shape.line.color.rgb, shape.line.width = rgb(line), Pt(width)
            if dash:
                shape.line.dash_style = MSO_LINE.DASH
        else:
            shape.line.fill.background()
        return shape

    def box(self, x, y, w, h, fill=None, line=None, width=2, text="", size=20, colour=INK, bold=False, align="c", shape="rect", dash=False):
        kind = {"rect": MSO_SHAPE.RECTANGLE, "round": MSO_SHAPE.ROUNDED_RECTANGLE, "oval": MSO_SHAPE.OVAL, "arrow": MSO_SHAPE.RIGHT_ARROW,
                "diamond": MSO_SHAPE.DIAMOND}[shape]
        b = self.s.shapes.add_shape(kind, Inches(x), Inches(y), Inches(w), Inches(h))
        if shape == "round":
            b.adjustments[0] = min(0.12 / min(w, h), 0.5)
        self._paint(b, fill, line, width, dash)
        if text:
            tf = b.text_frame
            tf.margin_left = tf.margin_right = Inches(min(0.12, w * 0.06))
            tf.margin_top = tf.margin_bottom = 0
            self._fill_text(tf, text, size, colour, bold, align, "m")
        return b

    def poly(self, points, fill=None, line=INK, width=2.5, dash=False, closed=True):
        # Freeforms are in EMU-sized steps of 1/1000 inch.
        q = [(round(px * 1000), round(py * 1000)) for px, py in points]
        fb = self.s.shapes.build_freeform(*q[0], scale=Inches(1) / 1000)
        fb.add_line_segments(q[1:], close=closed)
        return self._paint(fb.convert_to_shape(), fill, line, width, dash)

    def line(self, x1, y1, x2, y2, colour=INK, width=2, dash=False, arrow=False):
        c = self.s.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, Inches(x1), Inches(y1), Inches(x2), Inches(y2))
        _plain(c)
        c.line.color.rgb, c.line.width = rgb(colour), Pt(width)
        if dash:
            c.line.dash_style = MSO_LINE.DASH
        if arrow:
            ln = c.line._get_or_add_ln()
            ln.append(ln.makeelement(qn("a:tailEnd"), {"type": "triangle", "w": "med", "len": "med"}))
        return c

    def table(self, x, y, widths, rows, size=16, row_h=0.5, head=True):
        shape = self.s.shapes.add_table(len(rows), len(widths), Inches(x), Inches(y), Inches(sum(widths)), Inches(row_h * len(rows)))
        t = shape.table
        for c, w in enumerate(widths):
            t.columns[c].width = Inches(w)
        for r, row in enumerate(rows):
            t.rows[r].height = Inches(row_h)
            for c, text in enumerate(row):
                cell = t.cell(r, c)
                cell.fill.solid()
                top = head and r == 0
                cell.fill.fore_color.rgb = rgb(self.colour if top else ("#F5F7F8" if r % 2 == 0 else "#FFFFFF"))
                self._fill_text(cell.text_frame, str(text), size, "#FFFFFF" if top else INK, top, "c", "m")
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
        return t

    def save(self, path):
        self.prs.save(path)
        tidy.office(path)
