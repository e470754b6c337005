"""数学: the area of the parallelogram (slides, lesson plan, film), a unit paper, fractions, a grade book."""

import math
import random

from openpyxl.chart import BarChart, Reference
from openpyxl.formatting.rule import CellIsRule, FormulaRule
from openpyxl.styles import Font, PatternFill

from kit import BLUE, BLUE_TINT, FILES, GREEN, GREEN_TINT, GREY, INK, RED, RED_TINT, film, sheet, slides, typeset, web, word

PINK = "#F4B8A4"


def slides_area():
    k = slides.Deck("平行四边形的面积（第 1 课时）", "数学 五年级上册", "平行四边形, 面积, 转化, 割补")
    k.slide("平行四边形的面积", bar=False, ground=BLUE, title_box=(0.9, 2.2, 8, 1.2), title_size=54, title_colour="#FFFFFF",
            notes="课前准备：每桌一把剪刀、两张印有平行四边形的方格纸、一个能拉动的长方形框架。")
    k.text(0.95, 3.5, 8, 0.6, "数学　五年级上册　多边形的面积　第 1 课时", size=22, colour="#DCEBF0")
    k.poly([(8.9, 5.6), (10.3, 2.7), (12.6, 2.7), (11.2, 5.6)], fill="#2B7590", line="#FFFFFF", width=3)
    k.line(10.3, 2.7, 10.3, 5.6, colour="#F2C879", width=3, dash=True)
    k.poly([(10.3, 5.3), (10.6, 5.3), (10.6, 5.6)], line="#F2C879", width=2, closed=False)

    k.slide("两块菜地，哪一块大？", "先猜一猜，说说理由",
            notes="不急着给答案。把学生的猜想（邻边相乘 6×5、底乘高 6×4、数方格）都写在黑板左边，下课前再回来判断。")
    k.poly([(1.2, 4.6), (1.2, 2.0), (5.1, 2.0), (5.1, 4.6)], fill=GREEN_TINT, line=GREEN, width=3)
    k.text(1.2, 4.65, 3.9, 0.5, "6 m", size=22, align="c")
    k.text(5.2, 3.0, 1, 0.5, "4 m", size=22)
    k.poly([(7.2, 4.6), (9.15, 2.0), (13.05 - 0.5, 2.0), (10.6, 4.6)], fill=BLUE_TINT, line=BLUE, width=3)
    k.text(7.2, 4.65, 3.4, 0.5, "6 m", size=22, align="c")
    k.text(7.0, 2.85, 1.1, 0.5, "5 m", size=22, align="r")
    k.text(1.2, 5.5, 11.2, 1.2, "左边是长方形，右边是平行四边形。长方形的面积我们会算：6 × 4 = 24（m²）。\n平行四边形的面积呢？用 6 × 5 对吗？", size=22)

    k.slide("数一数", "每格边长 1 cm，不满一格的怎么办？",
            notes="让学生发现：左边切下的小三角形正好能补到右边，凑成整格。这就是下一页“剪、移、拼”的来由。")
    x0, y0, u = 0.9, 1.75, 0.5
    for i in range(13):
        k.line(x0 + i * u, y0, x0 + i * u, y0 + 6 * u, colour="#CFC9C3", width=0.75)
    for j in range(7):
        k.line(x0, y0 + j * u, x0 + 12 * u, y0 + j * u, colour="#CFC9C3", width=0.75)
    k.poly([(x0 + 1 * u, y0 + 5 * u), (x0 + 4 * u, y0 + 1 * u), (x0 + 10 * u, y0 + 1 * u), (x0 + 7 * u, y0 + 5 * u)], fill=None, line=BLUE, width=3.5)
    k.table(7.6, 1.75, [1.9, 1.1, 1.1, 1.1], [["图形", "底 / 长", "高 / 宽", "面积"], ["平行四边形", "6 cm", "4 cm", ""], ["长方形", "6 cm", "4 cm", "24 cm²"]], size=18, row_h=0.7)
    k.text(7.6, 4.3, 5.2, 1.2, "你发现了什么？\n底和长、高和宽、面积和面积……", size=22, colour=GREY)
    k.text(0.9, 5.3, 11.5, 1.2, "提示：把左边不满一格的部分移到右边，能凑成整格吗？", size=22, colour=RED)

    k.slide("把平行四边形变成长方形", "想一想，什么变了，什么没变？",
            notes="学生先动手：沿高剪开，平移，拼成长方形。追问：一定要从顶点剪吗？（只要沿高剪都可以。）再播放《剪拼演示》短片。")
    k.poly([(0.9, 4.7), (2.2, 2.2), (5.5, 2.2), (4.2, 4.7)], fill=BLUE_TINT, line=BLUE, width=3)
    k.poly([(0.9, 4.7), (2.2, 2.2), (2.2, 4.7)], fill=PINK, line=RED, width=3, dash=True)
    k.poly([(2.2, 4.45), (2.45, 4.45), (2.45, 4.7)], line=RED, width=2, closed=False)
    k.text(2.35, 3.1, 1, 0.5, "高 h", size=22, colour=RED, bold=True)
    k.text(1.6, 4.75, 2, 0.5, "底 a", size=22, colour=BLUE, bold=True, align="c")
    k.text(5.5, 2.6, 2.1, 0.5, "剪、移、拼", size=20, colour=GREY, align="c")
    k.line(5.75, 3.4, 7.3, 3.4, colour=GREY, width=4, arrow=True)
    k.poly([(8.0, 4.7), (8.0, 2.2), (11.3, 2.2), (11.3, 4.7)], fill=BLUE_TINT, line=BLUE, width=3)
    k.poly([(10.0, 4.7), (11.3, 2.2), (11.3, 4.7)], fill=PINK, line=RED, width=3)
    k.text(11.45, 3.15, 1, 0.5, "宽", size=22, colour=RED, bold=True)
    k.text(8.6, 4.75, 2, 0.5, "长", size=22, colour=BLUE, bold=True, align="c")
    k.text(0.9, 5.55, 6, 0.6, "长方形的面积　　= 　长　×　宽", size=24)
    k.text(0.9, 6.2, 4, 0.6, "平行四边形的面积　=", size=24)
    k.box(4.45, 6.2, 1.5, 0.6, line=GREY, width=1.5, dash=True)
    k.text(6.0, 6.2, 0.5, 0.6, "×", size=24, align="c")
    k.box(6.55, 6.2, 1.5, 0.6, line=GREY, width=1.5, dash=True)

    k.slide("平行四边形的面积 = 底 × 高", "用字母表示", notes="强调“对应”：用哪条底，就用这条底上的高。")
    k.box(0.9, 1.7, 5.4, 1.5, fill=RED_TINT, text="S = a h", size=48, colour=RED, bold=True, shape="round")
    k.text(6.7, 1.75, 6, 1.5, "S 表示面积，a 表示底，h 表示高。\n**底和高要对应**：h 是底 a 上的高。", size=24, anchor="m")
    k.text(0.9, 3.6, 11.5, 0.5, "例 1　一个平行四边形花坛，底 6 m，高 4 m，面积是多少？", size=24)
    k.text(1.6, 4.25, 6, 1.8, "S = a h\n　= 6 × 4\n　= 24（m²）", size=24)
    k.text(1.6, 6.1, 6, 0.6, "答：花坛的面积是 24 m²。", size=24)
    k.poly([(8.0, 6.3), (9.3, 4.3), (12.3, 4.3), (11.0, 6.3)], fill=BLUE_TINT, line=BLUE, width=3)
    k.line(9.3, 4.3, 9.3, 6.3, colour=RED, width=2.5, dash=True)
    k.text(9.4, 5.0, 1, 0.5, "4 m", size=20, colour=RED)
    k.text(8.6, 6.35, 1.8, 0.5, "6 m", size=20, align="c")

    k.slide("会变的框架", "拉一拉：周长不变，面积变了吗？",
            notes="用长方形框架慢慢拉斜：四条边的长度没有变，所以周长不变；高越来越小，面积越来越小。这一页正好否定“邻边相乘”的猜想。")
    for x, dx, h, cap in ((0.9, 0.0, 2.4, "高 24 cm"), (4.6, 1.08, 2.14, "高约 21 cm"), (8.5, 1.8, 1.59, "高约 16 cm")):
        base = 4.7
        k.poly([(x, base), (x + dx, base - h), (x + dx + 2.2, base - h), (x + 2.2, base)], fill="#FFFFFF", line="#8A5A2B", width=7)
        for px, py in ((x, base), (x + dx, base - h), (x + dx + 2.2, base - h), (x + 2.2, base)):
            k.box(px - 0.08, py - 0.08, 0.16, 0.16, fill=INK, shape="oval")
        k.text(x - 0.4, base + 0.2, 3, 0.5, cap, size=20, align="c", colour=RED)
    k.text(0.9, 5.6, 12.2, 1.3, "两条邻边始终是 22 cm 和 24 cm。拉成长方形时，“邻边 × 邻边”才等于面积。\n**高变小了，面积就变小了。**", size=22)

    k.slide("练一练", "先独立做，再和同桌说说怎么想的",
            notes="答案：1. 15×8=120（cm²）。2. ①，底 8 对应的高是 5，面积 40 cm²；也可用 10×4=40 验证。3. 36×15=540（m²），540×9=4860（kg）。")
    k.text(0.9, 1.5, 11.5, 1.0, "1. 平行四边形的底是 15 cm，高是 8 cm，面积是（　　　）cm²。", size=24)
    k.text(0.9, 2.3, 7.0, 2.2, "2. 求右图的面积，选哪个？（单位：cm）\n　　①　8 × 5\n　　②　10 × 5\n　　③　8 × 4", size=24)
    # Sides 8 (base) and 10 (slant): the height on 8 is 5, the height on 10 is 4; both give 40.
    ax, ay, s = 7.9, 4.55, 0.29
    lean = math.sqrt(10**2 - 5**2) * s
    k.poly([(ax, ay), (ax + lean, ay - 5 * s), (ax + lean + 8 * s, ay - 5 * s), (ax + 8 * s, ay)], fill=BLUE_TINT, line=BLUE, width=3)
    k.line(ax + lean, ay - 5 * s, ax + lean, ay, colour=RED, width=2, dash=True)
    k.line(ax + 8 * s, ay, ax + lean, ay, colour=RED, width=1.5, dash=True)
    k.text(ax + lean + 0.03, ay - 3.6 * s - 0.12, 0.5, 0.4, "5", size=18, colour=RED)
    k.text(ax, ay + 0.02, 8 * s, 0.4, "8", size=18, align="c")
    k.text(ax + 0.45, ay - 3.6 * s - 0.22, 0.6, 0.4, "10", size=18, align="c")
    # foot of the perpendicular from the lower right corner to the slant side
    ux, uy = lean / (10 * s), -0.5
    d = (8 * s) * ux
    k.line(ax + 8 * s, ay, ax + d * ux, ay + d * uy, colour=GREEN, width=2, dash=True)
    k.text(ax + d * ux + 0.22, ay - 0.78, 0.4, 0.4, "4", size=18, colour=GREEN)
    k.text(0.9, 5.0, 11.5, 1.6, "3. 一块平行四边形的梯田，底 36 m，高 15 m。每平方米收马铃薯 9 kg，\n　 这块地一共收多少千克？", size=24)

    k.slide("今天学到了什么", "带着问题离开教室", notes="回到第 2 页的猜想：5 m 的斜边上没有用到，右边菜地的面积也可以是 6×高。请学生说说还缺哪个数。")
    for i, (a, b) in enumerate((("知识", "平行四边形的面积 = 底 × 高，S = ah"), ("方法", "转化：把没学过的图形变成学过的图形"), ("提醒", "底和高要对应；斜边不是高"))):
        y = 1.7 + i * 1.15
        k.box(0.9, y, 1.6, 0.85, fill=BLUE, text=a, size=22, colour="#FFFFFF", bold=True, shape="round")
        k.text(2.8, y, 9.6, 0.85, b, size=26, anchor="m")
    k.text(0.9, 5.4, 11.5, 1.3, "想一想：三角形、梯形能不能也“转化”成学过的图形？\n作业：量一量家里一个平行四边形（或拉斜的框架）的底和高，算出面积。", size=22, colour=GREY)
    k.save(FILES / "平行四边形的面积（课件）.pptx")


def plan_area():
    w = word.Word("平行四边形的面积", "数学　五年级上册　多边形的面积　第 1 课时　教学设计", "数学 五年级上册", "平行四边形, 面积, 教学设计")
    w.table([["学习目标", "1. 经历数方格、剪拼、观察的过程，自己推出平行四边形的面积公式，能用公式解决简单问题。\n2. 体会“转化”：把未知的图形变成已知的图形。\n3. 能说清为什么用“底 × 高”而不是“邻边 × 邻边”。"],
             ["重点", "面积公式的推导和应用。"], ["难点", "转化前后两个图形之间的对应关系；底与高对应。"],
             ["准备", "方格纸学具单（每人一张）、剪刀、可拉动的长方形框架一个、课件、《剪拼演示》短片（26 秒，没有网络也能放）。"]],
            [2.4, 14], head=False, first_bold=True, size=10.5)
    w.h1("一、学情")
    w.p("学生已经会算长方形、正方形的面积，会画平行四边形的高。常见的错误想法有两个：一是用相邻两边相乘，二是把斜边当作高。本课不回避它们，让猜想先说出来，再用操作去检验。", indent=True)
    w.h1("二、教学过程")
    w.table([["环节", "教师活动", "学生活动", "用意"],
             ["猜一猜\n5 分钟", "出示两块菜地：长方形 6 m × 4 m；平行四边形，底 6 m，斜边 5 m。问：哪块大？怎样知道？", "猜想并说理由，三种猜想记在黑板左侧：数格子、6×5、底×高。", "暴露已有想法，产生需要。"],
             ["数一数\n6 分钟", "发方格纸：底 6 格、高 4 格的平行四边形。不满一格怎么数？", "移多补少，数出 24 格，与 6×4 的长方形对照填表。", "由“移补”想到“剪拼”。"],
             ["剪拼\n12 分钟", "每人把平行四边形变成长方形。巡视，选三种剪法上台：从顶点作高剪；从中间任一条高剪；不沿高剪（失败例）。问：为什么一定要沿高剪？", "剪、移、拼；小组说出：长方形的长 = 原来的底，宽 = 原来的高，面积没有变。", "公式由学生自己说出来。沿高剪才有直角。"],
             ["辨一辨\n6 分钟", "拉动框架。问：什么变了？什么没变？那么 6×5 对吗？", "观察并说：四条边不变，周长不变；高变小，面积变小。所以邻边相乘不对。", "用反例否定错误猜想。"],
             ["用一用\n9 分钟", "课件“练一练”三题，第 2 题追问：10 对应的高是几？", "独立做，同桌互讲。第 2 题：8×5 = 10×4 = 40（cm²）。", "底与高对应。"],
             ["收一收\n2 分钟", "今天我们用了什么办法？三角形可以吗？", "说“转化”；为下一课留问题。", "方法比公式走得远。"]],
            [1.9, 5.6, 5.4, 3.5], size=10, centre=(0,))
    w.h1("三、板书")
    drawing = web.png(web.svg(760, 230, f"""
      <polygon points="40,170 110,50 290,50 220,170" fill="{BLUE_TINT}" stroke="{BLUE}" stroke-width="3"/>
      <polygon points="40,170 110,50 110,170" fill="{PINK}" stroke="{RED}" stroke-width="3" stroke-dasharray="7 5"/>
      <path d="M110 158h12v12" fill="none" stroke="{RED}" stroke-width="2"/>
      <path d="M320 110h80m-14-10 14 10-14 10" fill="none" stroke="{GREY}" stroke-width="4"/>
      <rect x="450" y="50" width="180" height="120" fill="{BLUE_TINT}" stroke="{BLUE}" stroke-width="3"/>
      <polygon points="560,170 630,50 630,170" fill="{PINK}" stroke="{RED}" stroke-width="3"/>""" +
      web.text(130, 118, "高", 20, RED, weight=700) + web.text(130, 200, "底", 20, BLUE, weight=700) + web.text(360, 92, "剪 移 拼", 17, GREY) +
      web.text(540, 200, "长", 20, BLUE, weight=700) + web.text(655, 118, "宽", 20, RED, weight=700)), 760, 230, colours=48)
    w.picture(drawing, 12.5, "平行四边形沿高剪开，平移后拼成长方形")
    w.p("长方形的面积 = 长 × 宽", "平行四边形的面积 = **底 × 高**　　　S = a h", align="center")
    w.h1("四、分层作业")
    w.items("（都做）一个平行四边形底 12 dm，高 7 dm，求面积。　　答：84 dm²。",
            "（都做）平行四边形的面积是 54 cm²，底 9 cm，高是多少？　　答：6 cm。",
            "（选做）一个平行四边形相邻两边长 10 cm 和 8 cm，其中一条底上的高是 9 cm，它的面积是多少？说明理由。\n　　提示：高不能比另一条邻边长，9 > 8，所以 9 cm 是 8 cm 那条底上的高，面积 8 × 9 = 72（cm²）。")
    w.h1("五、给没有投影的班级")
    w.p("把课件第 3、4 页打印在一张 A4 纸上，两人一张；框架可用四根旧雪糕棒和图钉做。教学点复式班可在高年级剪拼时，让低年级数方格、涂色。", indent=True)
    w.save(FILES / "平行四边形的面积 教学设计.docx")


def film_area():
    span = film.span
    A, B, C, D = (200, 400), (320, 180), (660, 180), (540, 400)  # bottom left, top left, top right, bottom right

    def draw(f, t):
        f.clear("#FFFFFF")
        f.rect(0, 0, 960, 72, BLUE)
        f.text(36, 47, "平行四边形 → 长方形", 30, "#FFFFFF", True)
        steps = ((0, "这是一个平行四边形"), (4, "沿着高剪开"), (9, "把三角形平移到右边"), (14, "拼成了长方形，面积没有变"), (19.5, "平行四边形的面积 = 底 × 高"))
        now = max(i for i, (s, _) in enumerate(steps) if t >= s)
        f.text(924, 46, steps[now][1], 24, "#F2E3C8", False, "r", span(t, steps[now][0], steps[now][0] + 0.6))
        grid = 1 - span(t, 18, 19)
        for x in range(80, 961, 40):
            f.line(x, 100, x, 440, "#E7E3DF", 1, grid)
        for y in range(100, 441, 40):
            f.line(60, y, 900, y, "#E7E3DF", 1, grid)
        cut, move = span(t, 4.5, 6.5), span(t, 9.5, 13)
        dx = 340 * move
        f.poly([B, C, D, (320, 400)], fill=BLUE_TINT)
        tri = [(A[0] + dx, A[1]), (B[0] + dx, B[1]), (320 + dx, 400)]
        f.poly(tri, fill=PINK if cut > 0 else BLUE_TINT)
        if move == 0:
            f.poly([A, B, C, D], line=BLUE, width=4)
        else:
            f.poly([(320, 400), B, C, D], line=BLUE, width=4)
            f.poly(tri, line=RED, width=4)
            if t < 18:
                f.poly([A, B, (320, 400)], line="#B9AFA7", width=2, dash=(6, 6))
        if cut > 0 and move < 1:
            f.line(320, 180, 320, 180 + 220 * cut, RED, 4, 1, (10, 8))
            f.poly([(320, 384), (336, 384), (336, 400)], closed=False, line=RED, width=2.5, alpha=cut)
            f.text(336, 300, "高", 30, RED, True, "l", cut)
        if move == 0:
            f.text(370, 438, "底", 30, BLUE, True, "c", span(t, 1.5, 2.5))
        late = span(t, 14, 15)
        f.text(490, 438, "长（就是原来的底）", 26, BLUE, True, "c", late)
        f.text(676, 300, "宽（就是原来的高）", 26, RED, True, "l", late)
        f.text(60, 494, "长方形的面积 = 长 × 宽", 28, INK, False, "l", span(t, 16.5, 17.5))
        last = span(t, 19.5, 20.5)
        if last > 0:
            f.rect(478, 456, 450, 60, RED_TINT, last, 6)
            f.text(703, 495, "平行四边形的面积 = 底 × 高", 28, RED, True, "c", last)

    film.film(FILES / "平行四边形剪拼演示.mp4", 26, draw, "平行四边形剪拼演示")


def paper_unit():
    typeset.pdf(FILES / "多边形的面积 单元练习（含答案）.pdf", "多边形的面积 单元练习（含答案）", r"""
#align(center)[#sans(size: 17pt, weight: "bold")[五年级上册　多边形的面积　单元练习]
#v(2pt) #sans(size: 9.5pt, fill: rgb("#5A514B"))[时间 40 分钟　满分 100 分　　班级 #blank(20mm)　姓名 #blank(24mm)　得分 #blank(16mm)]]
#let fig(w, h, body) = box(width: w, height: h, body)
= 一、填一填（每空 4 分，共 32 分）
+ 一个三角形的底是 14 cm，高是 9 cm，面积是 #blank(16mm) cm²。
+ 一个梯形的上底是 5 dm，下底是 9 dm，高是 6 dm，面积是 #blank(16mm) dm²。
+ 一个三角形的面积是 36 m²，底是 12 m，这条底上的高是 #blank(16mm) m。
+ 2.5 公顷 = #blank(18mm) 平方米；　48000 平方米 = #blank(18mm) 公顷。
+ 一堆圆木堆成梯形，最上层 3 根，最下层 9 根，每相邻两层差 1 根，共 7 层，一共有 #blank(16mm) 根。
+ 把一个三角形和一个与它等底等高的平行四边形放在一起，总面积是 60 cm²，三角形的面积是 #blank(16mm) cm²，平行四边形的面积是 #blank(16mm) cm²。
= 二、判断，错的请改正（每题 4 分，共 12 分）
+ 两个面积相等的三角形一定能拼成一个平行四边形。（　　）
+ 梯形的上底和下底各增加 2 cm，高不变，面积增加的平方厘米数等于高的 2 倍。（　　）
+ 三角形的底扩大到原来的 3 倍，高不变，面积也扩大到原来的 3 倍。（　　）
= 三、求下面图形的面积（每题 10 分，共 20 分）
#grid(columns: (1fr, 1fr), align: center,
  [#box(width: 62mm, height: 40mm)[
    #place(polygon(fill: rgb("#E4F0E5"), stroke: 1.2pt + rgb("#2A6A3B"), (8mm, 30mm), (20mm, 6mm), (44mm, 6mm), (56mm, 30mm)))
    #place(dx: 0mm, line(start: (20mm, 6mm), end: (20mm, 30mm), stroke: (paint: rgb("#C23B16"), thickness: 1pt, dash: "dashed")))
    #place(dx: 27mm, dy: 0.8mm)[8 cm] #place(dx: 27mm, dy: 31.5mm)[16 cm] #place(dx: 21mm, dy: 16mm)[8 cm]]
   \ (1)],
  [#box(width: 62mm, height: 40mm)[
    #place(polygon(fill: rgb("#D9EBF1"), stroke: 1.2pt + rgb("#135E78"), (8mm, 30mm), (8mm, 15mm), (28mm, 4mm), (48mm, 15mm), (48mm, 30mm)))
    #place(line(start: (8mm, 15mm), end: (48mm, 15mm), stroke: (paint: rgb("#5A514B"), thickness: 0.8pt, dash: "dashed")))
    #place(line(start: (28mm, 4mm), end: (28mm, 15mm), stroke: (paint: rgb("#C23B16"), thickness: 1pt, dash: "dashed")))
    #place(dx: 29mm, dy: 8.5mm)[2.2 m] #place(dx: 24mm, dy: 31.5mm)[8 m] #place(dx: 49.5mm, dy: 20.5mm)[3 m]]
   \ (2) 一面山墙（长方形上面是三角形）])
= 四、解决问题（每题 12 分，共 36 分）
+ 一块三角形的花椒地，底 80 m，高 45 m。平均每 4 m² 种 1 棵，这块地一共种多少棵？
  #v(17mm)
+ 靠着一面斜墙，用 46 m 长的篱笆围一个直角梯形菜园：斜的一条腰就是墙，不用篱笆；与两底垂直的一条腰长 20 m。菜园的面积是多少？#v(20mm)
+ 从一张长 15 cm、宽 8 cm 的长方形纸上剪下一个最大的三角形，剩下部分的面积是多少？这样的三角形只有一种剪法吗？画图说明。
  #v(20mm)
#pagebreak()
#align(center)[#sans(size: 15pt, weight: "bold")[参考答案与讲评提示]]
= 一、填一填
1. 63　　2. 42　　3. 6　　4. 25000；4.8　　5. 42　　6. 20；40 \
*讲评*：第 3 题最容易忘记“× 2”：$36 times 2 div 12 = 6$。第 5 题 $(3 + 9) times 7 div 2 = 42$。第 6 题等底等高时平行四边形是三角形的 2 倍，$60 div 3 = 20$。
= 二、判断
1. ×。要“两个完全相同的三角形”才一定能拼成。　　2. √。增加的面积是 $(2 + 2) times h div 2 = 2 h$。　　3. √。
= 三、求面积
(1) $(8 + 16) times 8 div 2 = 96$（cm²）。 \
(2) $8 times 3 + 8 times 2.2 div 2 = 24 + 8.8 = 32.8$（m²）。
= 四、解决问题
1. $80 times 45 div 2 = 1800$（m²），$1800 div 4 = 450$（棵）。 \
2. 篱笆围的是上底、下底和高：上底 + 下底 $= 46 - 20 = 26$（m），面积 $26 times 20 div 2 = 260$（m²）。*讲评*：不必分别知道上底和下底，把它们的和看作一个整体。 \
3. 最大三角形的面积是长方形的一半：$15 times 8 div 2 = 60$（cm²），剩下 $15 times 8 - 60 = 60$（cm²）。不只一种：以长（或宽）为底，第三个顶点可以在对边的任何位置。
= 学情记录（教师用）
#table(columns: (1fr,) * 6, inset: 6pt, stroke: 0.5pt + rgb("#A79F98"), align: center,
  [题组], [填空 1–3], [填空 4–6], [判断], [图形], [应用],
  [错的人数], [], [], [], [], [],
  [主要原因], [], [], [], [], [])
""", ["三角形面积", "梯形面积", "组合图形", "单元练习"])


def fractions():
    def bar(n, k, colour, label):
        w = 300
        cells = "".join(f'<rect x="{i * w / n:.1f}" y="0" width="{w / n:.1f}" height="40" fill="{colour if i < k else "#fff"}" stroke="#2A2421" stroke-width="1.5"/>' for i in range(n))
        return f'<div class=b><svg width="302" height="36" viewBox="-1 -1 302 42" preserveAspectRatio="none">{cells}</svg><span>{label}</span></div>'

    def pie(n, k, colour):
        out = ""
        for i in range(n):
            a, b = 2 * math.pi * i / n - math.pi / 2, 2 * math.pi * (i + 1) / n - math.pi / 2
            out += f'<path d="M50 50L{50 + 44 * math.cos(a):.2f} {50 + 44 * math.sin(a):.2f}A44 44 0 {int(b - a > math.pi)} 1 {50 + 44 * math.cos(b):.2f} {50 + 44 * math.sin(b):.2f}Z" fill="{colour if i < k else "#fff"}" stroke="#2A2421" stroke-width="1.6"/>'
        return f'<svg width=80 height=80 viewBox="0 0 100 100">{out}</svg>'

    frac = lambda a, b: f'<span class=f><i>{a}</i><i>{b}</i></span>'
    orange, teal, leaf = "#F2B48C", "#A9D3DE", "#B7DBB9"
    body = f"""<header><h1>分数的初步认识</h1><p>数学 三年级上册　学习单　　班级＿＿＿＿　姓名＿＿＿＿＿＿</p></header>
    <h2>1　分一分</h2><p>妈妈把一块荞麦饼<b>平均分</b>给兄妹两人，每人得到这块饼的<b>一半</b>，写作 {frac(1, 2)}，读作“二分之一”。</p>
    <div class=row>{pie(2, 1, orange)}<p class=grow>2 表示平均分成的份数，叫<b>分母</b>；<br>1 表示取了其中的几份，叫<b>分子</b>。</p>
    <svg width=120 height=88 viewBox="0 0 120 88"><path d="M10 44A50 36 0 0 1 45 9L45 79A50 36 0 0 1 10 44Z" fill="{orange}" stroke="#2A2421"/><path d="M45 9A58 36 0 1 1 45 79Z" fill="#fff" stroke="#2A2421"/></svg><p>左图的涂色部分<br>是不是 {frac(1, 2)}？为什么？</p></div>
    <h2>2　看图写分数</h2><div class=row4>
    {"".join(f"<div>{pie(n, k, c)}<p>（　　）</p></div>" for n, k, c in ((3, 1, teal), (4, 3, leaf), (6, 5, orange), (8, 3, teal)))}</div>
    <h2>3　涂一涂，比一比</h2>
    {bar(1, 1, teal, "1")}{bar(2, 0, teal, "涂 " + frac(1, 2))}{bar(4, 0, teal, "涂 " + frac(1, 4))}{bar(8, 0, teal, "涂 " + frac(3, 8))}
    <p class=q>在 ○ 里填上 ＞、＜ 或 ＝：　{frac(1, 2)} ○ {frac(1, 4)}　　　{frac(1, 4)} ○ {frac(3, 8)}　　　{frac(2, 4)} ○ {frac(1, 2)}　　　{frac(3, 8)} ○ {frac(5, 8)}</p>
    <p class=q>我发现：分子都是 1 时，分母越大，分数越＿＿＿＿，因为＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿。</p>
    <h2>4　算一算</h2><p class=q>{frac(2, 5)} ＋ {frac(1, 5)} ＝（　　）　　　{frac(5, 7)} － {frac(3, 7)} ＝（　　）　　　1 － {frac(1, 6)} ＝（　　）　　　{frac(3, 8)} ＋ {frac(5, 8)} ＝（　　）</p>
    <h2>5　生活里的分数</h2><p>一筐 12 个石榴，奶奶把这筐的 {frac(1, 3)} 送给邻居。送了几个？画一画，圈一圈。</p>
    <div class=dots>{"<i></i>" * 12}</div>
    <footer><b>答案</b>　1. 不是，没有平均分。　2. 三分之一、四分之三、六分之五、八分之三。　3. ＞　＜　＝　＜；分母越大分数越小，因为同样大的一块分的份数越多，每份越小。　4. 五分之三、七分之二、六分之五、1。　5. 12 ÷ 3 ＝ 4（个）。</footer>"""
    web.pdf(FILES / "分数的初步认识 学习单.pdf", "分数的初步认识 学习单", body, """
      body{font-size:13.5px;line-height:1.75} header{border-bottom:3px solid #135E78;padding-bottom:6px} h1{font-size:25px;color:#135E78}
      header p{color:#5A514B} h2{font-size:16px;color:#96290C;margin:13px 0 5px} b{color:#135E78}
      .row{display:flex;align-items:center;gap:16px;margin-top:4px}.grow{flex:1} .row4{display:flex;justify-content:space-between;text-align:center}.row4 p{margin-top:0}
      .b{display:flex;align-items:center;gap:18px;margin:5px 0}.q{margin-top:9px}
      .f{display:inline-flex;flex-direction:column;vertical-align:middle;text-align:center;line-height:1.2;margin:0 3px;font-size:.92em}.f i{font-style:normal;padding:0 4px}.f i:first-child{border-bottom:1.3px solid}
      .dots{display:flex;flex-wrap:wrap;width:640px;margin:6px 0 0}.dots i{width:30px;height:30px;border-radius:50%;background:#F0A08A;border:1.5px solid #96290C;margin:2px 11px}
      footer{margin-top:14px;padding:8px 12px;background:#F3F2F0;font-size:11.5px;line-height:1.7}""", margin="13mm 17mm")


def grade_book():
    wb = sheet.book("五年级数学单元成绩登记与分析", "数学 五年级", "成绩登记, 分析")
    ws = wb.active
    ws.title = "成绩登记"
    sheet.page(ws)
    ws.merge_cells("A1:I1")
    sheet.put(ws, "A1", "五年级（1）班　数学单元成绩登记表", 16, True, "135E78", border=False)
    ws.row_dimensions[1].height = 34
    heads = ["学号", "姓名", "小数乘法", "位置", "小数除法", "可能性", "简易方程", "平均", "等级"]
    for i, h in enumerate(heads):
        sheet.put(ws, f"{'ABCDEFGHI'[i]}2", h, 11, True, "FFFFFF", "135E78")
    # Invented pupils: the names are those of trees and plants.
    names = "木小棉 桐小花 榕小叶 松小果 柏小枝 杉小林 槐小米 柳小青 桃小红 李小白 杏小黄 梨小雪 竹小节 荷小露 菊小英 兰小芷 梅小寒 桂小香 枫小丹 樟小宁 棠小梨 椒小麻 芒小果 蔗小甜".split()
    dice = random.Random(5)
    for r, name in enumerate(names, 3):
        base = dice.choice([93, 88, 86, 82, 79, 74, 68, 61, 55])
        sheet.put(ws, f"A{r}", r - 2)
        sheet.put(ws, f"B{r}", name)
        for col in "CDEFG":
            sheet.put(ws, f"{col}{r}", max(38, min(100, base + dice.randint(-9, 8))))
        sheet.put(ws, f"H{r}", f"=ROUND(AVERAGE(C{r}:G{r}),1)", bold=True, fmt="0.0")
        sheet.put(ws, f"I{r}", f'=IF(H{r}>=85,"优秀",IF(H{r}>=75,"良好",IF(H{r}>=60,"合格","待提高")))')
        ws.row_dimensions[r].height = 20
    end = 2 + len(names)
    for col, wd in zip("ABCDEFGHI", (7, 12, 11, 9, 11, 9, 11, 9, 10)):
        ws.column_dimensions[col].width = wd
    ws.row_dimensions[2].height = 26
    ws.freeze_panes = "C3"
    ws.conditional_formatting.add(f"C3:H{end}", CellIsRule(operator="lessThan", formula=["60"], font=Font(color="A0164C", bold=True), fill=PatternFill(bgColor="FAE5EC")))
    ws.conditional_formatting.add(f"I3:I{end}", FormulaRule(formula=['$I3="优秀"'], font=Font(color="2A6A3B", bold=True)))
    ws.print_title_rows = "2:2"

    an = wb.create_sheet("单元分析")
    sheet.page(an)
    an.merge_cells("A1:F1")
    sheet.put(an, "A1", "单元分析（自动计算）", 16, True, "135E78", border=False)
    an.row_dimensions[1].height = 34
    for i, h in enumerate(["项目"] + heads[2:7]):
        sheet.put(an, f"{'ABCDEF'[i]}2", h, 11, True, "FFFFFF", "135E78")
    rows = (("平均分", "ROUND(AVERAGE({0}),1)", "0.0"), ("最高分", "MAX({0})", "0"), ("最低分", "MIN({0})", "0"),
            ("优秀率（≥85）", 'COUNTIF({0},">=85")/COUNT({0})', "0.0%"), ("合格率（≥60）", 'COUNTIF({0},">=60")/COUNT({0})', "0.0%"), ("待提高人数", 'COUNTIF({0},"<60")', "0"))
    for r, (label, formula, fmt) in enumerate(rows, 3):
        sheet.put(an, f"A{r}", label, bold=True, fill="EFF4F5")
        for i, col in enumerate("CDEFG"):
            sheet.put(an, f"{'BCDEF'[i]}{r}", "=" + formula.format(f"成绩登记!{col}$3:{col}${end}"), fmt=fmt)
        an.row_dimensions[r].height = 24
    an.column_dimensions["A"].width = 18
    for col in "BCDEF":
        an.column_dimensions[col].width = 12
    chart = BarChart()
    chart.title, chart.style, chart.height, chart.width = "各单元平均分", 10, 8, 15.5
    chart.add_data(Reference(an, min_col=1, max_col=6, min_row=3), from_rows=True, titles_from_data=True)
    chart.set_categories(Reference(an, min_col=2, max_col=6, min_row=2))
    chart.legend, chart.y_axis.scaling.min, chart.y_axis.scaling.max = None, 0, 100
    chart.y_axis.delete = chart.x_axis.delete = False
    chart.series[0].graphicalProperties.solidFill = "135E78"
    an.add_chart(chart, "A11")
    an.merge_cells("A28:F28")
    sheet.put(an, "A28", "用法：在“成绩登记”里改姓名和分数，平均、等级、本页和图都会自己变。表中姓名均为虚构。", 10, colour="5A514B", border=False, align="left")
    an.row_dimensions[28].height = 30
    sheet.save(wb, FILES / "五年级数学成绩登记与分析.xlsx")


def make():
    slides_area()
    plan_area()
    film_area()
    paper_unit()
    fractions()
    grade_book()
