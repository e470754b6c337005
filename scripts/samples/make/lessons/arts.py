"""音乐、美术、体育: a song with its score, rhythm cards, Yi border patterns, colours that mix, rope skipping."""

import math

import numpy as np
from openpyxl.chart import LineChart, Reference

from kit import BLUE, FILES, GREY, INK, RED, sheet, sound, web

# The song in F, 2/4: (degree, octave, beats, syllable); "" carries the syllable before it (a slur).
SONG = [
    [[(5, 0, 1, "木"), (3, 0, 1, "棉")], [(5, 0, 2, "花")], [(6, 0, 1, "开"), (1, 1, 1, "枝")], [(5, 0, 2, "头")]],
    [[(6, 0, 1, "一"), (5, 0, 1, "朵")], [(3, 0, 1, "一"), (5, 0, 1, "朵")], [(2, 0, 1, "红"), (3, 0, 1, "悠")], [(2, 0, 2, "悠")]],
    [[(3, 0, 1, "金"), (5, 0, 1, "沙")], [(6, 0, 2, "江")], [(1, 1, 1, "水"), (6, 0, 0.5, "长"), (5, 0, 0.5, "")], [(5, 0, 2, "流")]],
    [[(5, 0, 1, "唱"), (6, 0, 1, "着")], [(3, 0, 1, "歌"), (5, 0, 1, "儿")], [(2, 0, 1, "向"), (3, 0, 0.5, "前"), (2, 0, 0.5, "")], [(1, 0, 2, "走")]],
]
SCALE = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11}
F4 = -4  # semitones from a' (440 Hz) down to f'
BPM = 92


def song_sound():
    beat = 60 / BPM
    track = np.zeros(int((32 * beat + 2.6) * sound.RATE))
    at = 0.0
    for line in SONG:
        for bar in line:
            for degree, octave, beats, _ in bar:
                sound.mix(track, sound.recorder(sound.hertz(F4 + SCALE[degree] + 12 * octave), beats * beat * 0.96), at, 0.5)
                at += beats * beat
    # Plucked accompaniment: bass on the first beat, two notes of the chord on the second.
    chords = "F F Dm F  Dm F Gm C  F Dm F C  F Am C F".split()
    # Bass and two upper notes, in semitones from a' (440 Hz).
    tones = {"F": (-16, -12, -9), "Dm": (-19, -12, -7), "Gm": (-14, -11, -7), "C": (-21, -9, -5), "Am": (-24, -9, -5)}
    for n, name in enumerate(chords):
        bass, a, b = tones[name]
        t = n * 2 * beat
        sound.mix(track, sound.pluck(sound.hertz(bass), 1.5, 0.6), t, 0.5)
        sound.mix(track, sound.pluck(sound.hertz(a), 0.9), t + beat, 0.3)
        sound.mix(track, sound.pluck(sound.hertz(b), 0.9), t + beat * 1.03, 0.3)
    end = 32 * beat
    for n, semitone in enumerate((-16, -9, -4, 0, 8)):
        sound.mix(track, sound.pluck(sound.hertz(semitone), 2.2), end - 1.0 * beat + n * 0.06, 0.3)
    sound.mp3(FILES / "歌曲《木棉花开》示范.mp3", sound.room(track), "木棉花开", "48k")


def song_score():
    T, body = web.text, ""
    for row, line in enumerate(SONG):
        y = 190 + row * 128
        x0, bar_w = 70, 190
        for b, bar in enumerate(line):
            left = x0 + b * bar_w
            n_beats = 0.0
            slur = None
            for degree, octave, beats, word_ in bar:
                x = left + 42 + n_beats * 62
                body += T(x, y, degree, 34, INK, weight=700)
                if octave > 0:
                    body += f'<circle cx="{x}" cy="{y - 36}" r="3.4" fill="{INK}"/>'
                if beats == 0.5:
                    body += f'<path d="M{x - 12} {y + 9}h{24 if word_ == "" else 33}" stroke="{INK}" stroke-width="2.4"/>'
                if beats == 2:
                    body += T(x + 62, y - 2, "—", 28)
                if word_:
                    body += T(x, y + 50, word_, 26, "#5A2413")
                    slur = x
                else:
                    body += f'<path d="M{slur} {y - 40}q{(x - slur) / 2} -16 {x - slur} 0" fill="none" stroke="{INK}" stroke-width="2"/>'
                n_beats += beats
            last = row == 3 and b == 3
            body += f'<path d="M{left + bar_w - 12} {y - 32}V{y + 12}" stroke="{INK}" stroke-width="1.8"/>'
            if last:
                body += f'<path d="M{left + bar_w - 5} {y - 32}V{y + 12}" stroke="{INK}" stroke-width="5"/>'
    flower = "".join(f'<path d="M0 -3C-4 -7 -11 -13 -11 -21C-11 -27 -6 -30 0 -28C6 -30 11 -27 11 -21C11 -13 4 -7 0 -3Z" fill="{c}" transform="rotate({a})"/>' for a, c in ((0, "#E4532A"), (72, "#C23B16"), (144, "#E4532A"), (216, "#C23B16"), (288, "#E4532A")))
    for x, y, k in ((120, 70, 1.2), (770, 66, 1.3), (832, 92, 0.8), (62, 94, 0.7)):
        body += f'<g transform="translate({x} {y}) scale({k})">{flower}<circle r="5" fill="#F2C879"/></g>'
    body += T(446, 74, "木棉花开", 40, RED, weight=700) + T(70, 142, "1＝F　2/4　♩＝92　亲切、流畅地", 19, GREY, "start") + T(822, 142, "木棉示例　词曲", 19, GREY, "end")
    body += T(446, 690, "“长”“前”一字两音，用连音线唱圆；每句末尾的二拍要唱满。", 18, GREY)
    (FILES / "歌曲《木棉花开》简谱.png").write_bytes(web.png(web.svg(892, 720, body, "#FFFCF6"), 892, 720, scale=1.8, colours=48))


RHYTHMS = [("走　走　走　走", [1, 1, 1, 1]), ("跑跑　走　跑跑　走", [.5, .5, 1, .5, .5, 1]), ("走　走　跑跑　走", [1, 1, .5, .5, 1]), ("跑跑　跑跑　走　空", [.5, .5, .5, .5, 1, -1])]


def rhythm():
    beat = 60 / 88
    track = np.zeros(int((4 + 4 * 8 + 0.5) * beat * sound.RATE))
    for n in range(4):
        sound.mix(track, sound.wood(freq=1320), n * beat, 0.35)
    at = 4.0
    for _, beats in RHYTHMS:
        for b in beats:
            if b > 0:
                sound.mix(track, sound.wood(freq=780), at * beat, 1.0)
            at += abs(b)
        # Four beats for the class to answer; a soft tick keeps the time.
        for _ in range(4):
            sound.mix(track, sound.wood(0.08, 1760), at * beat, 0.12)
            at += 1
    sound.mp3(FILES / "节奏模仿练习（听四拍，拍四拍）.mp3", sound.room(track, 0.08), "节奏模仿练习", "40k")

    def note(x, y, half=False):
        return f'<ellipse cx="{x}" cy="{y}" rx="11" ry="8" transform="rotate(-20 {x} {y})"/><path d="M{x + 10} {y - 3}V{y - 58}" stroke="{INK}" stroke-width="3.4"/>'

    def card(beats):
        x, out, i = 56, "", 0
        say = lambda at, w: web.text(at, 146, w, 27, BLUE, weight=700)
        while i < len(beats):
            if beats[i] == .5:
                out += note(x - 20, 92) + note(x + 20, 92) + f'<path d="M{x - 10} 36H{x + 30}" stroke="{INK}" stroke-width="8"/>' + say(x + 6, "跑跑")
                i += 2
            elif beats[i] < 0:
                out += f'<path d="M{x - 6} 38L{x + 8} 56C{x - 2} 64 {x - 2} 70 {x + 9} 82C{x - 8} 76 {x - 8} 90 {x + 2} 98" fill="none" stroke="{INK}" stroke-width="4.5" stroke-linejoin="round"/>' + say(x, "空")
                i += 1
            else:
                out += note(x, 92) + say(x + 2, "走")
                i += 1
            x += 92
        return f'<section><svg width=330 height=134 viewBox="0 0 390 158">{out}</svg></section>'

    more = [("走　跑跑　走　走", [1, .5, .5, 1, 1]), ("跑跑　跑跑　跑跑　走", [.5] * 6 + [1]), ("走　空　走　空", [1, -1, 1, -1]), ("走　跑跑　跑跑　空", [1, .5, .5, .5, .5, -1])]
    rows = "".join(card(beats) for _, beats in RHYTHMS + more)
    web.pdf(FILES / "节奏卡片：走和跑.pdf", "节奏卡片：走和跑", f"<h1>节奏卡片：走和跑</h1><p class=s>音乐　二年级　四分音符 ♩ 读“走”（一拍），两个八分音符 ♫ 读“跑跑”（合起来一拍），四分休止符 读“空”（手心向上，不出声）</p><main>{rows}</main>"
            "<footer><b>怎样用</b>　① 读一读、拍一拍：速度每分钟 88 拍，先慢后快。② 前四张配有录音：先听四拍，再模仿四拍。③ 两张连成八拍，一组拍手、一组拍腿。④ 抽掉一张，让学生编一张补上，只要凑满四拍。</footer>",
            f"h1{{color:{RED};font-size:26px}}.s{{font-size:14px;color:{GREY};margin:6px 0 12px}}main{{display:flex;flex-wrap:wrap;justify-content:space-between}}section{{width:49%;border:2px solid #8C837B;border-radius:8px;margin-bottom:12px;text-align:center;padding:12px 0 8px}}footer{{font-size:14px;line-height:1.9;background:#FAEFD6;padding:10px 14px}}", margin="12mm 12mm")


def _unit(kind, x, y, k):
    """One motif of 100 by 100 at (x, y), scaled by k: sun, ram's horn, fern, mountain."""
    red, gold, black = "#C8281E", "#F2B632", "#1E1A18"
    if kind == "sun":
        rays = "".join(f'<path d="M50 12L56 28H44Z" fill="{red}" transform="rotate({a} 50 50)"/>' for a in range(0, 360, 30))
        art = rays + f'<circle cx="50" cy="50" r="21" fill="{gold}"/><circle cx="50" cy="50" r="14" fill="{red}"/><circle cx="50" cy="50" r="7" fill="{gold}"/>'
    elif kind == "horn":
        half = f'<path d="M50 84C50 40 20 20 12 46C8 64 30 70 34 56C36 46 24 44 24 52" fill="none" stroke="{gold}" stroke-width="8" stroke-linecap="round"/>'
        art = half + f'<g transform="translate(100 0) scale(-1 1)">{half}</g><path d="M50 70L58 84L50 96L42 84Z" fill="{red}"/><circle cx="50" cy="20" r="6" fill="{red}"/>'
    elif kind == "fern":
        art = f'<path d="M50 96V56" stroke="{gold}" stroke-width="7"/>' + "".join(f'<path d="M50 {y0}C{50 + s * 20} {y0 - 2} {50 + s * 38} {y0 - 18} {50 + s * 30} {y0 - 32}C{50 + s * 22} {y0 - 42} {50 + s * 12} {y0 - 30} {50 + s * 22} {y0 - 24}" fill="none" stroke="{c}" stroke-width="6.5" stroke-linecap="round"/>'
                                                                            for y0, c in ((90, gold), (64, red)) for s in (-1, 1))
    else:
        art = f'<path d="M0 100L50 20L100 100Z" fill="{red}"/><path d="M22 100L50 56L78 100Z" fill="{gold}"/><path d="M38 100L50 80L62 100Z" fill="{black}"/>'
    return f'<g transform="translate({x} {y}) scale({k})">{art}</g>'


def _border(width, height, kinds, ground="#1E1A18", edge=True, flip=False):
    k = (height - 24) / 100
    step = 100 * k + 6
    n = int((width + 1) // step)
    off = (width - n * step + 6) / 2
    out = f'<rect width="{width}" height="{height}" fill="{ground}"/>'
    if edge:
        out += f'<path d="M0 5H{width}M0 {height - 5}H{width}" stroke="#F2B632" stroke-width="4"/>'
    for i in range(n):
        kind = kinds[i % len(kinds)]
        x = off + i * step
        unit = _unit(kind, 0, 0, k)
        if flip and i % 2:
            unit = f'<g transform="translate(0 {height - 24}) scale(1 -1)">{unit}</g>'
        out += f'<g transform="translate({x:.1f} 12)">{unit}</g>'
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{out}</svg>'


def yi_patterns():
    css = f"""body{{font-size:15px;line-height:1.85}} h1{{font-size:30px;color:#A31F16;margin:14px 0 2px}} h2{{font-size:19px;color:#A31F16;margin:20px 0 8px}} .sub{{color:{GREY}}} svg{{display:block}} .b{{margin:9px 0 3px}} .cap{{font-size:13px;color:{GREY}}}
      table{{width:100%;font-size:14px}} td,th{{border:1px solid #A79F98;padding:7px 10px;text-align:left;vertical-align:middle}} th{{background:#FAEFD6}} .new{{break-before:page}} ol{{padding-left:22px}} .four{{display:flex;justify-content:space-between;text-align:center}}"""
    solo = lambda kind: f'<svg width=120 height=120 viewBox="-6 -6 112 112"><rect x=-6 y=-6 width=112 height=112 fill="#1E1A18"/>{_unit(kind, 0, 0, 1)}</svg>'
    grid = lambda w, h, s: f'<svg width={w} height={h} viewBox="0 0 {w} {h}"><path d="' + "".join(f"M{x} 0V{h}" for x in range(0, w + 1, s)) + "".join(f"M0 {y}H{w}" for y in range(0, h + 1, s)) + '" stroke="#B9B2AC" stroke-width="1" fill="none"/></svg>'
    motifs = "".join(f"<div>{solo(k)}<b>{n}</b></div>" for k, n in (("sun", "太阳纹"), ("horn", "羊角纹"), ("fern", "蕨芽纹"), ("hill", "山形纹")))
    slant = '<svg width=600 height=90 viewBox="0 0 600 90">' + "".join(f'<path d="M{x} 76L{x + 40} 14H{x + 100}L{x + 60} 76Z" fill="{c}" stroke="#1E1A18" stroke-width="3"/>' for x, c in zip(range(10, 500, 68), ("#C8281E", "#F2B632") * 4)) + "</svg>"
    body = f"""{_border(660, 84, ["sun", "horn"])}
      <h1>彝族纹样：二方连续设计</h1><p class=sub>美术　五年级　设计·应用　2 课时　教学设计与学习单</p>
      <h2>一、从衣袖上看起</h2><p>攀枝花的仁和、米易、盐边都有彝族乡亲。节日里，衣襟、袖口、裙边上常有一条条花边。老师请学生带一件家里的绣品或拍一张照片，先看三件事：<b>画的是什么？用了哪几种颜色？怎样排起来的？</b></p>
      <div class=four>{motifs}</div><p class=cap>上图是照常见纹样的特点简化画成的教学图。红、黄、黑是彝族传统漆器和服饰里最常见的三种颜色。各地各支系的纹样和叫法有不同，以当地老人的讲解为准。</p>
      <h2>二、什么是二方连续</h2><p>一个单位纹样向<b>左右</b>（或上下）两个方向反复排列，可以无限延长，叫作<b>二方连续</b>。向上下左右四个方向都延长，叫四方连续。</p>
      <table><tr><th style="width:84px">排法<th>样子</tr>
      <tr><td>散点式<td>{_border(520, 66, ["sun"], edge=False)}</tr><tr><td>交替式<td>{_border(520, 66, ["horn", "fern"], edge=False)}</tr><tr><td>倒置式<td>{_border(520, 66, ["hill"], edge=False, flip=True)}</tr></table>
      <h2 class=new>三、教学过程</h2>
      <table><tr><th style="width:90px">环节<th>教师<th>学生</tr>
      <tr><td>看 8 分钟<td>实物和图片，遮住一半，问“下一个是什么”。<td>找出重复的那一小块，用手指框出来。</tr>
      <tr><td>认 7 分钟<td>讲纹样来自生活：太阳、羊角、蕨芽、山。<td>猜一猜，再问家里老人有没有别的叫法。</tr>
      <tr><td>试 15 分钟<td>示范用对折剪纸做出对称的单位纹样。<td>在 8×8 的格子里设计一个单位纹样，只用三种颜色。</tr>
      <tr><td>排 35 分钟<td>提示：先定格子，再定方向，最后上色。<td>把单位纹样连续画四次以上，做成书签或袖口花边。</tr>
      <tr><td>评 15 分钟<td>挂成一条长龙，看哪里断了节奏。<td>说：我用了哪种排法，哪里可以更好。</tr></table>
      <h2>四、难点怎样帮</h2><ol><li>单位纹样前后接不上：左边缘和右边缘的格子要对得上，可把纸卷成筒检查。</li><li>颜色太多太花：底用黑色，主纹用红色，点缀用黄色。</li>
      <li>想要斜着走的动感：把方格向一边推斜，每个单位就成了平行四边形，角对角、边对边仍然接得上，请看下面一条。</li></ol><div class=b>{slant}</div>
      <h2>五、评价</h2><table><tr><th>标准<th style="width:90px">自己<th style="width:90px">同学</tr><tr><td>单位纹样清楚，有生活里的来历<td><td></tr><tr><td>至少重复四次，接得上<td><td></tr><tr><td>颜色三种左右，远看清楚<td><td></tr><tr><td>能说出排法的名称<td><td></tr></table>
      <h2 class=new>学习单　　<small>班级＿＿＿＿　姓名＿＿＿＿＿＿</small></h2><p>1. 在格子里设计你的单位纹样（可以先在左边画一半，对称到右边）。它是从＿＿＿＿＿＿＿＿来的。</p><div class=b>{grid(320, 320, 40)}</div>
      <p>2. 把它连续画四次。我用的排法是：□ 散点式　□ 交替式　□ 倒置式</p><div class=b>{grid(640, 160, 20)}</div><p>3. 访问记录：我问了＿＿＿＿＿＿，他（她）告诉我这种花纹叫＿＿＿＿＿＿，意思是＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿。</p>{_border(660, 84, ["fern", "hill"])}"""
    web.pdf(FILES / "彝族纹样 二方连续设计.pdf", "彝族纹样 二方连续设计", body, css)


def colours():
    T = web.text
    yellow, red, blue = "#F6D21F", "#DB2B2B", "#1F5FB4"
    orange, green, purple = "#EE7F22", "#2F9A4B", "#6B3F98"
    cx, cy, r0, r1 = 300, 330, 92, 216
    body = T(500, 62, "三原色和三间色", 36, INK, weight=700)
    ring = [yellow, orange, red, purple, blue, green]
    names = ["黄", "橙", "红", "紫", "蓝", "绿"]
    for i, c in enumerate(ring):
        a, b = math.radians(-120 + i * 60), math.radians(-60 + i * 60)
        p = [(cx + r * math.cos(t), cy + r * math.sin(t)) for r, t in ((r0, a), (r1, a), (r1, b), (r0, b))]
        body += f'<path d="M{p[0][0]:.1f} {p[0][1]:.1f}L{p[1][0]:.1f} {p[1][1]:.1f}A{r1} {r1} 0 0 1 {p[2][0]:.1f} {p[2][1]:.1f}L{p[3][0]:.1f} {p[3][1]:.1f}A{r0} {r0} 0 0 0 {p[0][0]:.1f} {p[0][1]:.1f}Z" fill="{c}" stroke="#fff" stroke-width="5"/>'
        m = math.radians(-90 + i * 60)
        body += T(cx + 154 * math.cos(m), cy + 154 * math.sin(m) + 13, names[i], 36, INK if i in (0, 1) else "#FFFFFF", weight=700)
    for a in (0, 120, 240):
        body += f'<path d="M{cx} {cy - 86}L{cx + 9} {cy - 50}H{cx - 9}Z" fill="{INK}" transform="rotate({a} {cx} {cy})"/>'
    body += T(cx, cy - 8, "箭头指着", 19, GREY) + T(cx, cy + 20, "三原色", 25, INK, weight=700)
    for i, (a, b, c, words) in enumerate(((yellow, red, orange, "黄 ＋ 红 ＝ 橙"), (red, blue, purple, "红 ＋ 蓝 ＝ 紫"), (blue, yellow, green, "蓝 ＋ 黄 ＝ 绿"))):
        y = 160 + i * 118
        for x, col in ((630, a), (730, b), (850, c)):
            body += f'<path d="M{x} {y - 38}C{x + 30} {y - 40} {x + 42} {y - 16} {x + 38} {y + 8}C{x + 36} {y + 36} {x + 8} {y + 42} {x - 14} {y + 36}C{x - 42} {y + 30} {x - 42} {y - 2} {x - 34} {y - 20}C{x - 28} {y - 34} {x - 14} {y - 38} {x} {y - 38}Z" fill="{col}"/>'
        body += T(680, y + 10, "＋", 30) + T(790, y + 10, "＝", 30) + T(740, y + 66, words, 21, GREY)
    body += f'<rect x="570" y="500" width="390" height="86" rx="6" fill="#F3F2F0"/>' + T(765, 536, "试一试：黄多红少，得到橘黄；红多黄少，得到橘红。", 16) + T(765, 566, "换色前把笔洗干净，颜色才鲜亮。", 16)
    (FILES / "三原色和三间色 色轮挂图.png").write_bytes(web.png(web.svg(1000, 620, body), 1000, 620, scale=1.6, colours=96))


def skipping():
    wb = sheet.book("四周跳绳锻炼计划与记录", "体育与健康 三年级", "跳绳, 锻炼计划, 记录")
    ws = wb.active
    ws.title = "四周计划"
    sheet.page(ws, landscape=True)
    ws.merge_cells("A1:E1")
    sheet.put(ws, "A1", "四周跳绳锻炼计划（三年级，每周 3 次，每次约 20 分钟）", 15, True, "2A6A3B", border=False)
    ws.row_dimensions[1].height = 36
    rows = [("周次", "准备活动（4 分钟）", "主要练习（12 分钟）", "要领", "放松（4 分钟）"),
            ("第 1 周\n学会摇", "慢跑 1 分钟；手腕、脚踝绕环；半蹲 10 次", "单手摇绳听响声 20 次×2；无绳并脚跳 30 次×3；带绳单个跳 10 次×4", "大臂贴身，手腕画小圈；前脚掌落地，膝微屈", "小腿拉伸，左右各 20 秒，两次"),
            ("第 2 周\n连起来", "慢跑；开合跳 20 次；踮脚走 20 步", "连续跳 20 个×4，每组歇 1 分钟；两人一组互相数", "目视前方，跳得低（一张课本高），节奏匀", "坐位体前屈，轻轻向前，不弹振"),
            ("第 3 周\n跳得匀", "慢跑；左右跳格 20 次", "30 秒跳×4，每组歇 1 分钟；换脚跳 20 个×2", "鼻吸口呼；断了马上接着跳", "互相拍腿放松"),
            ("第 4 周\n比自己", "慢跑；并脚跳 30 次", "1 分钟跳×2，中间歇 3 分钟，取好的一次", "前 20 秒不抢快，最后 20 秒咬牙", "慢走，深呼吸，拉伸")]
    for r, row in enumerate(rows, 2):
        for c, value in zip("ABCDE", row):
            top = r == 2
            sheet.put(ws, f"{c}{r}", value, 11, top or c == "A", "FFFFFF" if top else "2A2421", "2A6A3B" if top else ("E4F0E5" if c == "A" else None), "center" if top or c == "A" else "left")
        ws.row_dimensions[r].height = 26 if r == 2 else 84
    for c, wd in zip("ABCDE", (11, 22, 30, 26, 20)):
        ws.column_dimensions[c].width = wd
    ws.merge_cells("A8:E8")
    sheet.put(ws, "A8", "安全：场地平、间距两米；绳长以脚踩绳中间、两端到胸口为宜；饭后一小时内不跳；心慌、头晕、脚踝痛立即停，告诉老师。", 10.5, colour="96290C", border=False, align="left")
    ws.row_dimensions[8].height = 36
    rec = wb.create_sheet("我的记录")
    sheet.page(rec)
    rec.merge_cells("A1:F1")
    sheet.put(rec, "A1", "我的记录　姓名：＿＿＿＿＿＿", 15, True, "2A6A3B", border=False)
    rec.row_dimensions[1].height = 34
    for c, h in zip("ABCDEF", ("次", "日期", "一分钟跳（个）", "比第一次多", "断绳（次）", "感觉")):
        sheet.put(rec, f"{c}2", h, 11, True, "FFFFFF", "2A6A3B")
    sample = (62, 66, 65, 71, 76, 80, 83, 82, 88, 93, 97, 102)
    for n in range(12):
        r = n + 3
        sheet.put(rec, f"A{r}", n + 1)
        sheet.put(rec, f"B{r}", "")
        sheet.put(rec, f"C{r}", sample[n])
        sheet.put(rec, f"D{r}", f'=IF(C{r}="","",C{r}-C$3)')
        sheet.put(rec, f"E{r}", "")
        sheet.put(rec, f"F{r}", "")
        rec.row_dimensions[r].height = 22
    for c, wd in zip("ABCDEF", (7, 14, 16, 14, 13, 22)):
        rec.column_dimensions[c].width = wd
    chart = LineChart()
    chart.title, chart.height, chart.width, chart.style = "一分钟跳绳", 7.5, 16, 12
    chart.add_data(Reference(rec, min_col=3, min_row=2, max_row=14), titles_from_data=True)
    chart.set_categories(Reference(rec, min_col=1, min_row=3, max_row=14))
    chart.legend, chart.y_axis.delete, chart.x_axis.delete = None, False, False
    chart.y_axis.scaling.min, chart.y_axis.number_format = 0, "0"
    line = chart.series[0]
    line.graphicalProperties.line.solidFill, line.marker.symbol, line.smooth = "C23B16", "circle", False
    rec.add_chart(chart, "A17")
    rec.merge_cells("A34:F34")
    sheet.put(rec, "A34", "表里的数是例子，换成自己的，图会跟着变。和自己比，不和别人比。", 10.5, colour="5A514B", border=False, align="left")
    sheet.save(wb, FILES / "四周跳绳锻炼计划与记录.xlsx")


def make():
    song_sound()
    song_score()
    rhythm()
    yi_patterns()
    colours()
    skipping()
