"""科学、物理、化学: the bean that sprouts, water's way, light that bounces, the first twenty elements, adding forces."""

import math

from kit import BLUE, FILES, GREEN, GREY, INK, RED, film, typeset, web, word

SKY, SOIL, SOIL_DARK = "#EAF4F6", "#8A6244", "#6E4C33"


def _leaf(f, x, y, length, angle, fill, alpha=1.0, fat=0.36):
    if length < 2:
        return
    c, s = math.cos(angle), math.sin(angle)
    at = lambda u, v: (x + (u * c - v * s) * length, y + (u * s + v * c) * length)
    p = [at(0, 0), at(0.3, -fat), at(0.8, -fat * 0.8), at(1, 0), at(0.8, fat * 0.8), at(0.3, fat)]
    xy = lambda q: f"{q[0]:.1f} {q[1]:.1f}"
    f.svg(f"M{xy(p[0])}C{xy(p[1])} {xy(p[2])} {xy(p[3])}C{xy(p[4])} {xy(p[5])} {xy(p[0])}Z", fill=fill, line="#2A6A3B", width=2, alpha=alpha)
    tip = at(0.92, 0)
    f.line(x, y, *tip, "#2A6A3B", 1.5, alpha)


def film_bean():
    ground = 300
    stages = ((0, "第 1 天", "种子吸水，胀大，种皮变软"), (3.5, "第 3 天", "胚根先突破种皮，向下长成根"), (8, "第 6 天", "胚轴伸长，弯成钩，顶出泥土"),
              (12, "第 8 天", "钩伸直，两片子叶张开，变绿"), (16, "第 12 天", "长出真叶，能自己制造养分"), (20, "第 15 天", "子叶的养分用完了，慢慢枯萎"))

    def draw(f, t):
        s = lambda a, b: film.span(t, a, b)
        f.clear(SKY)
        f.rect(0, ground, 960, 240, SOIL)
        f.rect(0, ground, 960, 10, SOIL_DARK)
        for i in range(46):
            x, y = (i * 197) % 960, ground + 24 + (i * 89) % 206
            f.oval(x, y, 3 + i % 3, 2 + i % 2, SOIL_DARK, 0.6)
        now = max(i for i, (a, _, _) in enumerate(stages) if t >= a)
        a, day, words = stages[now]
        f.text(40, 62, day, 34, GREEN, True)
        f.text(190, 62, words, 27, INK, False, "l", film.span(t, a, a + 0.5))
        X, Y = 430, 385
        swell, root, rise, straight, leaves, wither = s(0.5, 3.2), s(3.8, 8), s(8.2, 12), s(12, 15), s(15.5, 19.5), s(20, 23)
        # Root: a main root, then side roots.
        tip = Y + 14 + 118 * (0.35 * root + 0.65 * s(5, 13)) * (root > 0)
        if root > 0:
            bend = 14 * math.sin(root * 2)
            f.svg(f"M{X} {Y + 8}C{X + bend} {Y + 40} {X - bend} {(Y + tip) / 2} {X + bend / 2} {tip}", line="#F3EBDD", width=9)
            side = s(8, 14)
            for i, (dy, way) in enumerate(((30, 1), (46, -1), (62, 1), (78, -1), (92, 1))):
                if Y + dy < tip - 8 and side > 0:
                    f.svg(f"M{X} {Y + dy}q{way * 26 * side} 4 {way * 46 * side} {20 * side}", line="#F3EBDD", width=3.5)
        # Stem: from the seed's place up to the hook, then straight.
        top = Y - 4 - 212 * (0.56 * rise + 0.24 * straight + 0.2 * leaves)
        hook = 34 * rise * (1 - straight)
        hx, hy = X + hook, top + hook * 1.05
        if rise > 0:
            f.svg(f"M{X} {Y + 12}C{X - 4} {(Y + top) / 2} {X} {top + 60} {X} {top + hook * 0.6}" + (f"C{X} {top - hook * 0.5} {X + hook} {top - hook * 0.5} {hx} {hy}" if hook > 1 else ""),
                  line="#8DBB6A", width=11)
        # Cotyledons (the seed itself), true leaves.
        if rise == 0:
            k = 0.82 + 0.18 * swell
            f.svg(f"M{X - 42 * k} {Y}C{X - 46 * k} {Y - 34 * k} {X + 44 * k} {Y - 36 * k} {X + 44 * k} {Y - 2}C{X + 44 * k} {Y + 30 * k} {X + 14 * k} {Y + 20 * k} {X} {Y + 12 * k}C{X - 14 * k} {Y + 22 * k} {X - 40 * k} {Y + 26 * k} {X - 42 * k} {Y}Z",
                  fill="#B5533A" if root < 0.5 else "#C77B5C", line="#7A2E1C", width=3)
            f.oval(X, Y + 8 * k, 5, 3, "#F3EBDD")
            for i in range(5):
                drop = (t * 0.7 + i * 0.2) % 1
                if t < 3.4:
                    f.oval(X - 120 + i * 60 + (X - (X - 120 + i * 60)) * drop * 0.6, ground + 20 + 60 * drop, 4, 6, "#8FC3D6", 0.9 * (1 - drop * 0.6))
        else:
            node = top + 62 * leaves
            size = 62 * (1 - 0.45 * wither)
            tint = "#B7C77A" if wither < 0.3 else "#C9B27A" if wither < 0.7 else "#B99A66"
            first = "#E3D7A8" if straight < 0.3 else "#C4D48C" if straight < 0.7 else tint
            if straight < 0.05:
                _leaf(f, hx, hy - 4, 66, math.pi / 2 + 0.1, "#DEC9A0", fat=0.32)
                _leaf(f, hx - 2, hy - 4, 62, math.pi / 2 + 0.22, "#C77B5C", alpha=1 - rise * 0.5, fat=0.2)
            else:
                at_y = hy - 4 if leaves == 0 else node
                spread = 1.3 * straight
                droop = 0.5 * wither
                _leaf(f, hx, at_y, size, math.pi / 2 - spread * 1.25 + 0.1 * (1 - straight) + droop, first)
                _leaf(f, hx, at_y, size, math.pi / 2 + spread * 1.25 - droop, first)
            if leaves > 0:
                for way in (-1, 1):
                    _leaf(f, X, top + 4, 118 * leaves, -math.pi / 2 + way * 1.05, "#7DB767", fat=0.42)
                f.svg(f"M{X} {top + 4}q4 -16 0 -{26 * leaves:.1f}", line="#8DBB6A", width=5)
        # Labels with leaders.
        def label(x, y, tx, ty, words_, a0, b0=99):
            v = s(a0, a0 + 0.6) * (1 - film.span(t, b0, b0 + 0.5))
            if v > 0:
                dark = ty > ground
                f.line(x, y, tx, ty - 8, "#FFFFFF" if dark else GREY, 2, v)
                f.text(tx + (10 if tx > x else -10), ty, words_, 25, "#FFFFFF" if dark else INK, True, "l" if tx > x else "r", v)
        label(X + 40, Y, 560, 400, "种皮", 1.2, 3.2)
        label(X + 4, Y + 34, 560, 470, "胚根 → 根", 4.8)
        label(X - 4, 330, 320, 350, "胚轴（连接根和茎）", 9.5)
        label(X + 50, 325, 590, 250, "子叶", 10.6, 12)
        label(X + 50, 226, 590, 262, "子叶（变绿）", 14, 15.4)
        label(X + 84, 146, 620, 160, "真叶（由胚芽长成）", 18)
        label(X + 36, 240, 610, 262, "子叶枯萎", 21.5)

    film.film(FILES / "菜豆种子发芽.mp4", 25, draw, "菜豆种子发芽")


def bean_record():
    w = word.Word("种子发芽观察记录单", "科学　四年级下册　植物的生长变化　　第＿＿组　记录人＿＿＿＿＿", "科学 四年级下册", "种子发芽, 对比实验, 观察记录", colour=GREEN)
    w.h1("一、我们的问题：种子发芽一定需要水吗？")
    w.table([["", "甲杯", "乙杯"], ["只改变", "每天滴水，纸巾保持湿润", "不加水"], ["都相同", "菜豆 5 粒；同样的杯子、纸巾；放在一起，20～25 ℃，通风", "同左"], ["我的预测", "", ""]], [2.6, 7.2, 6.6], first_bold=True, heights=0.9)
    w.p("**为什么每杯放 5 粒，不放 1 粒？** 因为有的种子本来就坏了，只放一粒看不出是不是水的原因。")
    w.h1("二、每天看一看")
    w.table([["日期", "甲杯发芽（粒）", "乙杯发芽（粒）", "根长（mm）", "画一画、写一写（颜色、弯直、先长什么）"]] + [[f"第 {d} 天", "", "", "", ""] for d in (1, 3, 5, 7, 9, 12)], [1.9, 2.6, 2.6, 2.3, 7.0], heights=1.65, centre=(0,))
    w.h1("三、得出结论")
    w.items("先长出来的是＿＿＿＿＿，后长出来的是＿＿＿＿＿。", "甲杯发芽＿＿＿粒，乙杯发芽＿＿＿粒。这说明＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿。", "如果要研究“发芽一定需要光吗”，只改变的条件是＿＿＿＿＿，要保持相同的有＿＿＿＿＿＿＿＿＿＿＿。")
    w.h1("四、给老师的提示")
    w.p("参考结论：先长根，再长茎和叶；种子发芽需要水。只改变光照（一杯放在不透光的盒子里），水、温度、空气、种子的品种和数量保持相同；菜豆在暗处也能发芽，但长出的苗又黄又细。菜豆浸泡不超过一夜，水没过全部种子太久会因缺少空气而腐烂。冬天室温低于 15 ℃ 时发芽要多等几天。生菜豆有毒，提醒学生不要吃。配套短片：《菜豆种子发芽》（25 秒）。", indent=True)
    w.save(FILES / "种子发芽观察记录单.docx")


def water_cycle():
    T = web.text

    def arrow(d, colour=BLUE, width=6):
        return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" marker-end="url(#a)"/>'

    def cloud(x, y, k, fill):
        return f'<g transform="translate({x} {y}) scale({k})" fill="{fill}"><circle cx="40" cy="44" r="30"/><circle cx="84" cy="30" r="38"/><circle cx="130" cy="42" r="32"/><rect x="20" y="44" width="136" height="32" rx="16"/></g>'

    rain = "".join(f'<path d="M{x} {y}l-6 18" stroke="#5A9AB0" stroke-width="4" stroke-linecap="round"/>' for x, y in ((180, 196), (212, 214), (244, 194), (276, 216), (300, 196), (196, 240), (232, 246), (264, 250)))
    body = f"""<defs><marker id="a" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="4" markerHeight="4" orient="auto"><path d="M0 0L10 5L0 10Z" fill="{BLUE}"/></marker></defs>
    <rect width="1000" height="640" fill="#E6F2F5"/><circle cx="868" cy="92" r="46" fill="#F2B84A"/>
    {"".join(f'<path d="M868 28v-18" stroke="#F2B84A" stroke-width="7" stroke-linecap="round" transform="rotate({r} 868 92)"/>' for r in range(0, 360, 45))}
    <path d="M0 400L120 250L190 320L262 210L420 430C500 452 560 500 660 560L560 640H0Z" fill="#8FB58A"/>
    <path d="M0 470C160 420 300 470 470 500C560 515 620 530 700 562L640 640H0Z" fill="#6E9A72"/>
    <path d="M262 330C280 400 330 410 350 450C372 494 470 498 640 548L640 572C480 530 350 520 326 470C306 430 262 410 250 330Z" fill="#5A9AB0"/>
    <path d="M548 640C580 566 640 540 760 536C860 532 940 540 1000 534V640Z" fill="#2A7489"/>
    <path d="M700 566q18 -10 36 0t36 0t36 0M820 560q18 -10 36 0t36 0t36 0t36 0" fill="none" stroke="#7FB6C4" stroke-width="4"/>
    <path d="M0 560C140 540 300 580 560 600L560 640H0Z" fill="#B08A5E"/>
    {cloud(150, 96, 1.15, "#B7C4CC")}{cloud(560, 70, 1.05, "#FFFFFF")}{rain}
    {"".join(f'<path d="M{x} 510c-16 -26 16 -40 0 -66s16 -40 0 -66" fill="none" stroke="#C23B16" stroke-width="5" stroke-linecap="round" opacity=".75"/>' for x in (740, 790, 840))}
    <g stroke="#5A8A4A" stroke-width="3"><path d="M520 494v-44" stroke="#7A5638" stroke-width="8"/><circle cx="520" cy="434" r="28" fill="#4E8A4A"/><path d="M470 480v-34" stroke="#7A5638" stroke-width="7"/><circle cx="470" cy="434" r="21" fill="#5F9A57"/></g>
    <path d="M516 400c-10 -16 10 -24 0 -40s10 -24 0 -40" fill="none" stroke="#C23B16" stroke-width="4" stroke-linecap="round" opacity=".75"/>
    {arrow("M800 350C780 280 740 220 690 178")}{arrow("M546 118C500 100 430 98 362 120")}{arrow("M60 606C200 592 380 612 566 618", "#3F8298", 5)}{arrow("M250 516V576", "#3F8298", 4)}{arrow("M284 520V580", "#3F8298", 4)}"""
    tag = lambda x, y, w, words, colour: f'<rect x="{x - w / 2}" y="{y - 25}" width="{w}" height="36" rx="5" fill="#fff" stroke="{colour}" stroke-width="2"/>' + T(x, y + 1, words, 21, colour, weight=700)
    body += (tag(926, 440, 92, "① 蒸发", RED) + tag(600, 356, 92, "② 蒸腾", RED) + tag(660, 236, 92, "③ 凝结", BLUE) + tag(454, 76, 122, "④ 水汽输送", BLUE) + tag(120, 222, 92, "⑤ 降水", BLUE)
             + tag(420, 460, 122, "⑥ 地表径流", BLUE) + tag(176, 548, 92, "⑦ 下渗", BLUE) + tag(420, 586, 122, "⑧ 地下径流", BLUE)
             + T(880, 604, "海洋、湖泊", 20, "#FFFFFF") + T(500, 36, "水的循环", 30, INK, weight=700))
    (FILES / "水的循环 示意图.png").write_bytes(web.png(web.svg(1000, 640, body), 1000, 640, scale=1.6, colours=96))


def light_report():
    drawing = web.svg(700, 300, f"""
      <path d="M110 250H590" stroke="{INK}" stroke-width="5"/>{"".join(f'<path d="M{x} 250l-12 16" stroke="{GREY}" stroke-width="2"/>' for x in range(122, 600, 18))}
      <path d="M350 250V40" stroke="{GREY}" stroke-width="2.5" stroke-dasharray="9 6"/>
      <path d="M160 60L350 250L540 60" fill="none" stroke="{RED}" stroke-width="4"/><path d="M249 149l-16 -5 11 -11Z" transform="translate(10 10)" fill="{RED}" stroke="{RED}" stroke-width="4"/>
      <path d="M463 137l-4 -14 14 4Z" transform="translate(-2 4)" fill="{RED}" stroke="{RED}" stroke-width="4" style="display:none"/><path d="M452 148l5 -17 11 11Z" fill="{RED}" stroke="{RED}" stroke-width="4"/>
      <path d="M350 180A70 70 0 0 0 300.5 200.5M350 180A70 70 0 0 1 399.5 200.5" fill="none" stroke="{BLUE}" stroke-width="3"/>""" +
        web.text(322, 172, "i", 24, BLUE, extra='font-style="italic"') + web.text(380, 172, "r", 24, BLUE, extra='font-style="italic"') + web.text(140, 48, "入射光线 AO", 19) + web.text(566, 48, "反射光线 OB", 19) +
        web.text(350, 28, "法线 ON", 19, GREY) + web.text(350, 290, "O　入射点", 18) + web.text(640, 255, "平面镜", 19))
    w = word.Word("光的反射 实验报告单", "物理　八年级上册　　班级＿＿＿＿　姓名＿＿＿＿＿　同组＿＿＿＿＿", "物理 八年级上册", "光的反射, 反射定律, 实验报告")
    w.p("**实验目的**　探究光反射时，反射光线与入射光线的位置关系，反射角与入射角的大小关系。")
    w.p("**器材**　平面镜、激光笔（或强光手电加狭缝）、可绕 ON 折转的白色硬纸板、量角器、彩笔。　**注意：激光不能照眼睛。**")
    w.picture(web.png(drawing, 700, 300, colours=48), 11, "光的反射光路图：入射角 i，反射角 r，法线 ON 垂直于镜面")
    w.h1("一、测量")
    w.p("纸板垂直立在镜面上，光贴着纸板射向 O 点。改变入射角，用不同颜色的笔描出光的径迹。")
    w.table([["次数", "入射角 i", "反射角 r", "我的发现"], ["1", "30°", "", ""], ["2", "45°", "", ""], ["3", "60°", "", ""]], [2, 3.4, 3.4, 7.6], heights=0.7, centre=(0, 1))
    w.h1("二、再做两步")
    w.items("把纸板右半边 NOF 向后折，还能在纸板上看到反射光吗？＿＿＿＿。这说明＿＿＿＿＿＿＿＿＿＿＿＿＿。", "让光沿 BO 射向镜面，反射光沿＿＿＿＿方向射出。这说明反射时光路是＿＿＿＿的。")
    w.h1("三、结论（光的反射定律）")
    w.p("反射光线、入射光线和法线在＿＿＿＿＿＿；反射光线、入射光线分居＿＿＿＿两侧；反射角＿＿＿＿入射角。")
    w.h1("四、用一用")
    w.items("入射光线与镜面的夹角是 35°，反射角是多少？反射光线与入射光线的夹角是多少？", "太阳光与水平地面成 50° 角，要让反射光竖直射入井底，平面镜与水平地面应成多少度角？画出光路图。")
    w.page_break()
    w.h1("答案与说明（教师用）")
    w.p("二、1. 不能；反射光线、入射光线和法线在同一平面内。2. OA；可逆。　三、同一平面内；法线；等于。　四、1. 入射角 90° − 35° = 55°，反射角 55°，两光线夹角 110°。2. 反射光竖直向下，与入射光的夹角为 90° + 50° = 140°，入射角 70°，镜面与反射光线（竖直）成 20°，所以与水平面成 70°。", "纸板不与镜面垂直，看不到完整的光路；测三次以上是为了避免偶然，找到普遍规律。")
    w.save(FILES / "光的反射 实验报告单.docx")


def elements():
    data = [("氢", "H", "1.008", "气", 1), ("氦", "He", "4.003", "气", 0), ("锂", "Li", "6.94", "金", 1), ("铍", "Be", "9.012", "金", 2), ("硼", "B", "10.81", "非", 3), ("碳", "C", "12.01", "非", 4),
            ("氮", "N", "14.01", "气", 5), ("氧", "O", "16.00", "气", 6), ("氟", "F", "19.00", "气", 7), ("氖", "Ne", "20.18", "气", 8), ("钠", "Na", "22.99", "金", 1), ("镁", "Mg", "24.31", "金", 2),
            ("铝", "Al", "26.98", "金", 3), ("硅", "Si", "28.09", "非", 4), ("磷", "P", "30.97", "非", 5), ("硫", "S", "32.06", "非", 6), ("氯", "Cl", "35.45", "气", 7), ("氩", "Ar", "39.95", "气", 8),
            ("钾", "K", "39.10", "金", 1), ("钙", "Ca", "40.08", "金", 2)]
    shells = lambda z: ([z] if z <= 2 else [2, z - 2] if z <= 10 else [2, 8, z - 10] if z <= 18 else [2, 8, 8, z - 18])
    tint = {"金": "#FAEFD6", "非": "#E4F0E5", "气": "#E2EFF2"}
    body = web.text(600, 52, "1—20 号元素　原子结构示意图", 34, INK, weight=700)
    where = {1: (0, 0), 2: (7, 0)}
    where |= {z: (z - 3, 1) for z in range(3, 11)} | {z: (z - 11, 2) for z in range(11, 19)} | {19: (0, 3), 20: (1, 3)}
    for z, (zh, sym, mass, kind, _) in enumerate(data, 1):
        cx, cy = where[z]
        x, y = 76 + cx * 138, 84 + cy * 178
        body += f'<rect x="{x}" y="{y}" width="132" height="172" rx="6" fill="{tint[kind]}" stroke="#8C837B"/>'
        body += web.text(x + 10, y + 26, z, 20, GREY, "start") + web.text(x + 66, y + 34, sym, 30, RED if kind == "气" else INK, weight=700) + web.text(x + 122, y + 30, zh, 23, INK, "end")
        ox, oy = x + 30, y + 94
        body += f'<circle cx="{ox}" cy="{oy}" r="17" fill="#fff" stroke="{INK}" stroke-width="1.6"/>' + web.text(ox, oy + 5, f"+{z}", 15)
        for n, e in enumerate(shells(z)):
            px = ox + 30 + n * (20 if len(shells(z)) < 4 else 18)
            body += f'<path d="M{px - 6} {oy - 31}A46 46 0 0 1 {px - 6} {oy + 31}" fill="none" stroke="{INK}" stroke-width="1.6"/><rect x="{px - 5}" y="{oy - 11}" width="14" height="22" fill="{tint[kind]}"/>' + web.text(px + 2, oy + 6, e, 17, BLUE, weight=700)
        body += web.text(x + 66, y + 160, mass, 17, GREY)
    for row, words in enumerate("一二三四"):
        body += web.text(40, 84 + row * 178 + 94, words, 24, GREY)
    x, y = 380, 640
    body += web.text(x, y + 10, "怎样看：左上是原子序数（= 核电荷数 = 质子数 = 核外电子数），下面是相对原子质量。", 18, INK, "start")
    body += web.text(x, y + 42, "圆圈里是核电荷数，弧线是电子层，弧线上的数是该层电子数；左边一、二、三、四是周期数，等于电子层数。", 18, INK, "start", extra='textLength="800" lengthAdjust="spacingAndGlyphs"')
    body += web.text(x, y + 74, "红色符号：常温常压下单质是气体。最外层 8 个电子（氦 2 个）是相对稳定结构。", 18, INK, "start")
    for i, (k, words) in enumerate((("金", "金属"), ("非", "固体非金属"), ("气", "气体（单质）"))):
        body += f'<rect x="{x + i * 150}" y="{y + 94}" width="26" height="22" fill="{tint[k]}" stroke="#8C837B"/>' + web.text(x + 34 + i * 150, y + 112, words, 18, INK, "start")
    (FILES / "1—20号元素原子结构挂图.png").write_bytes(web.png(web.svg(1200, 810, body), 1200, 810, scale=1.5, colours=64))


def forces():
    typeset.pdf(FILES / "力的合成 导学案.pdf", "力的合成 导学案", r"""
#let vec(x1, y1, x2, y2, c) = {
  let (dx, dy) = (x2 - x1, y2 - y1)
  let l = calc.sqrt(dx * dx + dy * dy)
  let (ux, uy) = (dx / l, dy / l)
  place(line(start: (x1 * 1mm, y1 * 1mm), end: ((x2 - ux * 2) * 1mm, (y2 - uy * 2) * 1mm), stroke: 1.4pt + c))
  place(polygon(fill: c, (x2 * 1mm, y2 * 1mm), ((x2 - 3.2 * ux - 1.3 * uy) * 1mm, (y2 - 3.2 * uy + 1.3 * ux) * 1mm), ((x2 - 3.2 * ux + 1.3 * uy) * 1mm, (y2 - 3.2 * uy - 1.3 * ux) * 1mm)))
}
#let dash(x1, y1, x2, y2) = place(line(start: (x1 * 1mm, y1 * 1mm), end: (x2 * 1mm, y2 * 1mm), stroke: (paint: rgb("#5A514B"), thickness: 0.8pt, dash: "dashed")))
#set text(size: 11.5pt)
#set par(leading: 1em, spacing: 1.25em)
#align(center)[#sans(size: 18pt, weight: "bold")[力的合成　导学案]
#v(1pt)#sans(size: 9.5pt, fill: rgb("#5A514B"))[物理　高一　必修第一册　相互作用——力　　班级 #blank(18mm)　姓名 #blank(22mm)]]
= 一、课前想一想
+ 两个人提一桶水，和一个人提同一桶水，效果相同。那个人的力叫两个人的力的 #blank(20mm)；两个人的力叫它的 #blank(20mm)。求几个力的合力的过程叫作 #blank(26mm)。
+ 两人的手臂靠得近，或者张得很开，哪一种更费力？先猜一猜：#blank(50mm)。
= 二、同一直线上的力
两个力同向时合力 $F = F_1 + F_2$；反向时合力大小 $F = |F_1 - F_2|$，方向与 #blank(26mm) 的力相同。
= 三、互成角度的两个力：实验
*器材*　方木板、白纸、橡皮条、细绳套两个、弹簧测力计两个、刻度尺、三角板、图钉。 \
*步骤*
+ 用两个弹簧测力计互成角度地拉橡皮条，使结点到 $O$，记下 #blank(46mm)。
+ 只用一个测力计，把结点拉到 #blank(30mm)，记下拉力 $F'$ 的大小和方向。
+ 选定标度，作出 $F_1$、$F_2$、$F'$ 的图示。把三个力的箭头末端用虚线连起来，看看像什么图形。
+ 改变两个力的大小和夹角，再做两次。
*为什么两次都要把结点拉到同一位置？* #blank(80mm)
= 四、得出规律
#grid(columns: (82mm, 1fr), column-gutter: 6mm,
  box(width: 80mm, height: 52mm)[
    #vec(8, 42, 48, 42, rgb("#135E78")) #vec(8, 42, 28, 12, rgb("#2A6A3B")) #vec(8, 42, 68, 12, rgb("#C23B16"))
    #dash(28, 12, 68, 12) #dash(48, 42, 68, 12)
    #place(dx: 3mm, dy: 42mm)[$O$] #place(dx: 30mm, dy: 43.5mm)[$F_1$] #place(dx: 11mm, dy: 21mm)[$F_2$] #place(dx: 43mm, dy: 20mm)[$F$]],
  [在两个力合成时，以表示这两个力的有向线段为邻边作平行四边形，这两个邻边之间的对角线就代表合力的大小和方向。这个规律叫作*平行四边形定则*。

  位移、速度等矢量的合成也遵从这个定则；质量、时间等标量相加，用的是算术法则。])
= 五、合力的范围
+ 夹角 $theta$ 由 $0 degree$ 增大到 $180 degree$，合力由 #blank(22mm) 逐渐减小到 #blank(22mm)，即 $|F_1 - F_2| lt.eq F lt.eq F_1 + F_2$。
+ 合力可以小于每一个分力吗？举一个例子：#blank(70mm)
= 六、例题
两个互相垂直的力 $F_1 = 30 "N"$，$F_2 = 40 "N"$，求合力的大小和方向。 \
*解*　以两力为邻边作图，得到一个矩形。 $F = sqrt(F_1^2 + F_2^2) = sqrt(30^2 + 40^2) "N" = 50 "N"$。
设合力与 $F_1$ 的夹角为 $alpha$，$tan alpha = F_2 / F_1 = 4 / 3$，$alpha approx 53 degree$。
= 七、练一练
+ 两个大小都是 10 N 的力，夹角为 $120 degree$，合力多大？方向怎样？#v(14mm)
+ 3 N、5 N、7 N 三个共点力，合力的最大值和最小值各是多少？#v(14mm)
+ 斜拉桥一对钢索对塔柱的拉力都是 $3.0 times 10^4 "N"$，两索夹角为 $60 degree$，求合力。（$sqrt(3) approx 1.73$）#v(14mm)
#line(length: 100%, stroke: 0.5pt + rgb("#A79F98"))
#text(size: 9.5pt)[*参考答案*　一、1. 合力；分力；力的合成。2. 张得越开越费力。　二、较大。　三、两个测力计的示数、两细绳的方向和 $O$ 点位置；同一位置 $O$；使两次的作用效果（橡皮条的伸长量和方向）相同。　五、1. $F_1 + F_2$；$|F_1 - F_2|$。2. 可以，如 3 N 与 4 N 反向，合力 1 N。　七、1. 10 N，沿两力夹角的角平分线。2. 最大 15 N；3 N 与 5 N 的合力可在 2～8 N 间取 7 N，所以最小为 0。3. $F = 2 times 3.0 times 10^4 times cos 30 degree "N" approx 5.2 times 10^4 "N"$，沿两索夹角的角平分线。]
""", ["力的合成", "合力", "分力", "矢量"])


def make():
    film_bean()
    bean_record()
    water_cycle()
    light_report()
    elements()
    forces()
