"""MP4: frames drawn by Skia, encoded as small H.264 that starts at once (faststart)."""

import re
import subprocess

import skia

W, H, FPS = 960, 540, 20


def colour(hex_, alpha=1.0):
    v = int(hex_.lstrip("#"), 16)
    return skia.Color((v >> 16) & 255, (v >> 8) & 255, v & 255, round(255 * max(0.0, min(1.0, alpha))))


def _face(bold):
    style = skia.FontStyle.Bold() if bold else skia.FontStyle.Normal()
    return skia.Typeface("Noto Sans CJK SC", style)


FACES = {False: _face(False), True: _face(True)}


def ease(t):
    """0..1 to 0..1, slow at both ends."""
    t = max(0.0, min(1.0, t))
    return t * t * (3 - 2 * t)


def span(t, start, end):
    """How far time t is between start and end, eased."""
    return ease((t - start) / (end - start))


def parse(d):
    """A path from the few SVG commands that the films use: M, L, C, q, Z."""
    path = skia.Path()
    for letter, rest in re.findall(r"([MLCqZ])([^MLCqZ]*)", d):
        n = [float(v) for v in re.findall(r"-?[\d.]+(?:e-?\d+)?", rest)]
        if letter == "M":
            path.moveTo(*n)
        elif letter == "L":
            path.lineTo(*n)
        elif letter == "C":
            path.cubicTo(*n)
        elif letter == "q":
            path.rQuadTo(*n)
        else:
            path.close()
    return path


class Frame:
    def __init__(self, canvas):
        self.c = canvas

    def clear(self, hex_):
        self.c.clear(colour(hex_))

    def _paint(self, hex_, alpha, width=None, dash=None):
        p = skia.Paint(AntiAlias=True, Color=colour(hex_, alpha))
        if width:
            p.setStyle(skia.Paint.kStroke_Style)
            p.setStrokeWidth(width)
            p.setStrokeJoin(skia.Paint.kRound_Join)
            p.setStrokeCap(skia.Paint.kRound_Cap)
            if dash:
                p.setPathEffect(skia.DashPathEffect.Make(list(dash), 0))
        return p

    def path(self, path, fill=None, line=None, width=3, alpha=1.0, dash=None):
        if fill:
            self.c.drawPath(path, self._paint(fill, alpha))
        if line:
            self.c.drawPath(path, self._paint(line, alpha, width, dash))

    def poly(self, points, closed=True, **how):
        p = skia.Path()
        p.addPoly([skia.Point(*q) for q in points], closed)
        self.path(p, **how)

    def svg(self, d, **how):
        self.path(parse(d), **how)

    def line(self, x1, y1, x2, y2, hex_, width=3, alpha=1.0, dash=None):
        self.c.drawLine(x1, y1, x2, y2, self._paint(hex_, alpha, width, dash))

    def rect(self, x, y, w, h, fill, alpha=1.0, radius=0):
        self.c.drawRoundRect(skia.Rect.MakeXYWH(x, y, w, h), radius, radius, self._paint(fill, alpha))

    def oval(self, x, y, rx, ry, fill, alpha=1.0):
        self.c.drawOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry), self._paint(fill, alpha))

    def text(self, x, y, words, size=28, hex_="#2A2421", bold=False, align="l", alpha=1.0):
        font = skia.Font(FACES[bold], size)
        font.setEdging(skia.Font.Edging.kAntiAlias)
        w = font.measureText(words)
        x -= {"l": 0, "c": w / 2, "r": w}[align]
        self.c.drawString(words, x, y, font, self._paint(hex_, alpha))
        return w


def film(path, seconds, draw, title, crf=27):
    """Calls draw(frame, t) for each moment t and writes the film."""
    surface = skia.Surface(W, H)
    encoder = subprocess.Popen(
        ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgra", "-s", f"{W}x{H}", "-r", str(FPS), "-i", "-",
         "-c:v", "libx264", "-preset", "veryslow", "-tune", "animation", "-crf", str(crf), "-pix_fmt", "yuv420p", "-profile:v", "main",
         "-g", str(FPS * 4), "-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1",
         "-metadata", f"title={title}", "-metadata", "artist=木棉示例", str(path)], stdin=subprocess.PIPE)
    for n in range(round(seconds * FPS)):
        with surface as canvas:
            draw(Frame(canvas), n / FPS)
        image = surface.makeImageSnapshot()
        encoder.stdin.write(image.tobytes())
    encoder.stdin.close()
    if encoder.wait():
        raise RuntimeError(f"ffmpeg failed for {path}")
