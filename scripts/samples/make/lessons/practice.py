"""信息科技、劳动、安全、幼儿、中职、教师培训、复式教学: flow charts, a dish, water and mud, patterns, calipers, a class by wire, one teacher for two grades."""

import tempfile
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from kit import AUTHOR, BLUE, FILES, GREEN, GREY, INK, RED, office, sheet, slides, web, word
from lessons.languages import KAI


def algorithm():
    T = web.text

    def node(x, y, w, h, words, kind="step"):
        fill = {"step": "#E2EFF2", "ask": "#FAEFD6", "end": "#E4F0E5", "io": "#FBE9E1"}[kind]
        if kind == "ask":
            shape = f'<path d="M{x} {y - h / 2}L{x + w / 2} {y}L{x} {y + h / 2}L{x - w / 2} {y}Z" fill="{fill}" stroke="{INK}" stroke-width="2"/>'
        elif kind == "io":
            shape = f'<path d="M{x - w / 2 + 14} {y - h / 2}H{x + w / 2}L{x + w / 2 - 14} {y + h / 2}H{x - w / 2}Z" fill="{fill}" stroke="{INK}" stroke-width="2"/>'
        else:
            shape = f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" rx="{h / 2 if kind == "end" else 0}" fill="{fill}" stroke="{INK}" stroke-width="2"/>'
        return shape + T(x, y + 6, words, 17)

    go = lambda d: f'<path d="{d}" fill="none" stroke="{INK}" stroke-width="2" marker-end="url(#a)"/>'
    marker = f'<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10Z" fill="{INK}"/></marker></defs>'
    chart = marker + node(330, 34, 110, 40, "开始", "end") + node(330, 104, 260, 44, "小 ← 1，大 ← 100") + node(330, 178, 300, 44, "猜 ←（小＋大）÷ 2 的整数部分") + node(330, 262, 190, 70, "猜对了吗？", "ask") \
        + node(330, 356, 190, 70, "猜大了吗？", "ask") + node(150, 440, 200, 44, "大 ← 猜 － 1") + node(510, 440, 200, 44, "小 ← 猜 ＋ 1") + node(590, 262, 150, 44, "说出“猜”", "io") + node(590, 340, 110, 40, "结束", "end")
    chart += go("M330 54V80") + go("M330 126V154") + go("M330 200V225") + go("M330 297V319") + go("M425 262H508") + go("M590 284V318") + go("M235 356H150V416") + go("M425 356H510V416")
    chart += go("M150 462V492H40V178H178") + f'<path d="M510 462V492H150" fill="none" stroke="{INK}" stroke-width="2"/>'
    chart += T(462, 254, "是", 16, RED) + T(346, 314, "否", 16, RED) + T(196, 346, "是", 16, RED) + T(466, 346, "否", 16, RED)
    w = word.Word("身边的算法：猜数游戏", "信息科技　五年级　身边的算法　教学设计与任务单（2 课时）", "信息科技 五年级", "算法, 流程图, 二分查找, 顺序分支循环")
    w.h1("一、玩一玩（不用电脑）")
    w.p("同桌两人，一人心里想一个 1 到 100 之间的整数，另一人来猜。每猜一次，只能回答“大了”“小了”“对了”。记下猜了几次，玩三局。")
    w.table([["", "第 1 局", "第 2 局", "第 3 局"], ["我猜了几次", "", "", ""], ["我的办法", "", "", ""]], [3.2, 4.4, 4.4, 4.4], first_bold=True, heights=0.9)
    w.h1("二、想一想")
    w.items("一个一个地猜：1、2、3……最多要猜几次？（100 次）", "每次猜中间的数，猜一次就能去掉一半：100 → 50 → 25 → 12 → 6 → 3 → 1，最多猜 7 次。", "像这样，把解决问题的步骤一步一步说清楚，别人（或计算机）照着做也能做到，这就是**算法**。")
    w.h1("三、画出来：流程图")
    w.picture(web.png(web.svg(690, 510, chart), 690, 510, colours=32), 13, "猜数游戏的流程图：取中间数，判断猜对、猜大、猜小，缩小范围，再猜")
    w.p("在图上找一找：一步接一步的是**顺序**；菱形分出两条路的是**分支**；回到前面再做一遍的是**循环**。")
    w.h1("四、跟着算法走一遍")
    w.p("心里的数是 37，照流程图填表，每次取整数部分：")
    w.table([["次数", "小", "大", "猜", "回答"], ["1", "1", "100", "50", "大了"], ["2", "1", "49", "25", "小了"], ["3", "26", "49", "37", "对了"], ["换一个数：＿＿", "", "", "", ""]], [3.6, 2.6, 2.6, 2.6, 5.0], centre=(0, 1, 2, 3, 4))
    w.h1("五、有电脑的班级：用 Python 试一试")
    for line in ("low, high = 1, 100", "while True:", "    guess = (low + high) // 2", '    answer = input(f"是 {guess} 吗？（大 / 小 / 对）")', '    if answer == "对":', "        break", '    elif answer == "大":', "        high = guess - 1", "    else:", "        low = guess + 1"):
        p = w.d.add_paragraph()
        p.paragraph_format.space_after, p.paragraph_format.line_spacing, p.paragraph_format.left_indent = word.Pt(0), 1.1, word.Cm(0.8)
        word.style(p.add_run(line), "微软雅黑", 10)
        p.runs[0].font.name = "Consolas"
    w.h1("六、评价与作业")
    w.items("能用自己的话说出“每次取中间”为什么快。", "能在流程图里指出分支和循环。", "作业：生活里还有哪些“按步骤做”的事？选一件（洗衣服、查字典、过马路）画流程图，至少有一个菱形。查字典时先翻中间，也是同样的道理。")
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "a.docx"
        w.save(source)
        office.to_pdf(source, FILES / "身边的算法：猜数游戏.pdf")


def dish():
    pdfmetrics.registerFont(TTFont("Kai", KAI))
    pdfmetrics.registerFont(TTFont("KaiBold", KAI.replace("Regular", "Bold")))
    body = ParagraphStyle("b", fontName="Kai", fontSize=11.5, leading=19, textColor=HexColor(INK), wordWrap="CJK")
    small = ParagraphStyle("s", parent=body, fontSize=10.5, leading=16)
    mid = ParagraphStyle("m", parent=small, alignment=TA_CENTER)
    head = ParagraphStyle("h", parent=body, fontName="KaiBold", fontSize=14, leading=22, textColor=HexColor(RED), spaceBefore=8)
    title = ParagraphStyle("t", parent=head, fontSize=23, leading=32, alignment=TA_CENTER)
    P = lambda t, s=small: Paragraph(t, s)
    line = ("GRID", (0, 0), (-1, -1), 0.6, HexColor("#A79F98"))
    doc = SimpleDocTemplate(str(FILES / "劳动任务单：番茄炒鸡蛋.pdf"), pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=15 * mm, bottomMargin=14 * mm,
                            title="劳动任务单：番茄炒鸡蛋", author=AUTHOR, creator=AUTHOR, subject="劳动 五年级 烹饪与营养", keywords="劳动, 烹饪, 番茄炒鸡蛋, 家常菜", invariant=1)
    steps = [("1 备", "番茄 2 个（约 300 克）、鸡蛋 3 个、盐、油、葱。洗手，系围裙，挽起袖子。"), ("2 切", "番茄洗净，去蒂，切成小块。手指弯成“猫爪”，刀不离案板；切完刀放在案板里侧。"),
             ("3 打", "鸡蛋打在碗里，加一点盐，顺一个方向打散，打到没有透明的丝。碰过生蛋的手要再洗一次。"), ("4 炒蛋", "锅烧干再放油，中火，油面起细纹时倒蛋液，凝固后用铲子推成块，盛出。"),
             ("5 炒番茄", "锅里留一点油，放番茄，炒出汁，约 3 分钟，可加一点糖。"), ("6 合", "倒回鸡蛋，加盐，翻匀，鸡蛋要熟透，撒葱花，关火，关阀门。"), ("7 收", "擦灶台，洗锅碗，菜渣归到厨余。请家人尝一尝。")]
    story = [P("劳动任务单：番茄炒鸡蛋", title), P("劳动　五年级　日常生活劳动·烹饪与营养　　　班级＿＿＿＿　姓名＿＿＿＿＿＿", mid), P("一、任务", head),
             P("和家长一起，独立做一道番茄炒鸡蛋给家人吃，至少做两次，第二次要比第一次进步一点。", body), P("二、步骤", head),
             Table([[P(a, mid), P(b)] for a, b in steps], colWidths=[25 * mm, 145 * mm], style=TableStyle([line, ("BACKGROUND", (0, 0), (0, -1), HexColor("#FBE9E1")), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])),
             P("三、安全四条", head), P("① 用刀、用火时大人在旁边。② 头发扎起，衣袖收好，锅柄朝里。③ 油锅起火：关火，盖锅盖，<b>不能泼水</b>。④ 烫伤：马上用流动的凉水冲 15 到 20 分钟，再告诉大人。".replace("<b>", '<font name="KaiBold">').replace("</b>", "</font>"), body),
             P("四、为什么", head), P("鸡蛋有丰富的优质蛋白质，番茄有维生素 C 和番茄红素；番茄红素溶在油里更容易吸收。番茄酸，鸡蛋香，一酸一香，正好下饭。", body), P("五、评一评", head),
             Table([[P(x, mid) for x in ("看什么", "自己", "家人")]] + [[P(x), P("☆ ☆ ☆", mid), P("☆ ☆ ☆", mid)] for x in ("刀法安全，块大小差不多", "鸡蛋嫩而熟透，不糊不碎", "味道合适，盐不多", "灶台、锅碗收拾干净")], colWidths=[100 * mm, 35 * mm, 35 * mm],
                   style=TableStyle([line, ("BACKGROUND", (0, 0), (-1, 0), HexColor("#F3F2F0")), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])),
             Spacer(1, 4 * mm), P("我的发现（第二次改了什么，为什么）：＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿", body), P("家人的话：＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿", body)]
    doc.build(story)


def drowning():
    rules = ["不私自下水游泳", "不擅自与他人结伴游泳", "不在无家长或教师带领的情况下游泳", "不到无安全设施、无救援人员的水域游泳", "不到不熟悉的水域游泳", "不熟悉水性的学生不擅自下水施救"]
    waves = "".join(f'<path d="M0 {y}' + "q25 -20 50 0t50 0" * 8 + f'V190H0Z" fill="{c}"/>' for y, c in ((60, "#7FB6C4"), (90, "#4B93A8"), (124, "#2A7489")))
    ring = '<g transform="translate(640 84) rotate(-14)"><circle r="54" fill="none" stroke="#fff" stroke-width="26"/><circle r="54" fill="none" stroke="#C23B16" stroke-width="26" stroke-dasharray="42.4 42.4" stroke-dashoffset="21"/></g>'
    body = f"""<div class=poster><p class=kicker>金沙江、安宁河、水库、鱼塘、水渠　都不是游泳池</p><h1>防溺水“六不”</h1>
      <ol>{"".join(f"<li><i>{n}</i><span>{r}</span></li>" for n, r in enumerate(rules, 1))}</ol>
      <div class=help><h2>看见有人落水，我会这样做</h2><div><p><b>喊</b>大声呼救，找大人，打 110、119、120</p><p><b>抛</b>抛救生圈、绑绳的空水桶、大塑料瓶</p><p><b>伸</b>趴在岸上，递长竹竿、树枝；站不稳就放手</p></div><p class=no>不手拉手下水救人　　不跳下去　　不隐瞒同伴下水的事</p></div></div>
      <svg class=sea width="794" height="190" viewBox="0 0 794 190">{waves}{ring}</svg><p class=sign>家长签字：＿＿＿＿＿＿＿　　班主任：＿＿＿＿＿＿＿　　日期：＿＿＿＿＿＿＿</p>"""
    web.pdf(FILES / "防溺水“六不”海报.pdf", "防溺水“六不”海报", body, f"""body{{width:794px;height:1122px;position:relative;background:#EAF4F6;overflow:hidden}} .poster{{padding:48px 58px 0}} .kicker{{font-size:21px;color:#135E78}} h1{{font-size:78px;line-height:1.2;color:{RED};margin-bottom:12px}}
      ol{{list-style:none;padding:0}} li{{display:flex;align-items:center;background:#fff;border-left:8px solid {RED};margin-bottom:10px;height:72px}} li i{{font-style:normal;font-weight:700;font-size:36px;color:{RED};width:74px;text-align:center}} li span{{font-size:27px;font-weight:700}}
      .help{{background:#135E78;color:#fff;padding:14px 26px 14px;margin-top:18px}} .help h2{{font-size:25px}} .help div{{display:flex;justify-content:space-between;margin-top:8px}} .help div p{{width:31%;font-size:17px;line-height:1.5}} .help b{{display:block;font-size:34px;line-height:1.2;color:#F2C879}} .no{{margin-top:10px;font-size:19px;font-weight:700;color:#FBE9E1}}
      .sea{{position:absolute;left:0;bottom:0}} .sign{{position:absolute;left:58px;bottom:22px;color:#fff;font-size:17px}}""", margin="0")


def debris():
    T = web.text
    art = web.svg(760, 300, f"""<rect width="760" height="300" fill="#EEF3F0"/><path d="M0 300V120L150 40L300 170L330 300Z" fill="#8FB58A"/><path d="M760 300V110L600 30L460 170L420 300Z" fill="#7FA67A"/>
      <path d="M340 60C370 120 350 200 320 300H440C410 200 400 130 392 60Z" fill="#9A7350"/>{"".join(f'<circle cx="{x}" cy="{y}" r="{r}" fill="#6E5138"/>' for x, y, r in ((372, 110, 7), (364, 160, 10), (392, 190, 8), (356, 232, 12), (396, 256, 11), (378, 282, 9)))}
      <defs><marker id="g" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="4" markerHeight="4" orient="auto"><path d="M0 0L10 5L0 10Z" fill="{GREEN}"/></marker><marker id="r" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="4" markerHeight="4" orient="auto"><path d="M0 0L10 5L0 10Z" fill="{RED}"/></marker></defs>
      <path d="M330 220C280 200 240 170 200 120" stroke="{GREEN}" stroke-width="9" fill="none" marker-end="url(#g)"/><path d="M432 220C480 200 520 160 556 110" stroke="{GREEN}" stroke-width="9" fill="none" marker-end="url(#g)"/>
      <path d="M380 70V270" stroke="{RED}" stroke-width="6" stroke-dasharray="12 8" fill="none" marker-end="url(#r)"/>""" + T(150, 220, "✓ 向两侧山坡高处跑", 20, "#173F22", weight=700) + T(610, 240, "✓ 与沟的方向垂直", 20, "#173F22", weight=700) + T(380, 44, "✗ 不顺着沟跑", 20, RED, weight=700))
    w = word.Word("山区雨季避险：泥石流与滑坡", "安全教育　小学高段、初中　　雨季（5 月到 10 月）前第一课", "安全教育", "泥石流, 滑坡, 避险, 演练", colour="#7E5000")
    w.h1("一、先认识它")
    w.table([["", "泥石流", "滑坡"], ["样子", "水夹着泥和石头，沿沟冲下来，又快又猛", "整块山坡沿着一个面往下滑"], ["常在哪里", "山沟和沟口", "陡坡、挖过坡脚的地方"], ["什么时候", "大雨、久雨之后；雨停了也可能来", "大雨之后、地震之后"], ["前兆", "沟水突然变浑、变大，或突然断流；沟里有轰鸣声，地面轻微震动", "坡上出现裂缝、树木歪斜、井水泉水忽多忽少"]], [2.2, 7.2, 7.0], first_bold=True)
    w.h1("二、往哪里跑")
    w.picture(web.png(art, 760, 300, colours=64), 13.5, "泥石流来时，向与沟垂直的两侧山坡高处跑，不顺沟跑")
    w.items("泥石流：向**与沟垂直**的两侧山坡高处跑，不顺着沟往上或往下跑，不躲在沟里的大石头后面，不爬树。", "滑坡：向滑坡方向的**两侧**跑，不跟着坡向下跑。", "不停下来拿书包；看护好低年级的同学；到了安全处先点名。", "雨停后不马上回去：可能有第二次。听村、校通知。")
    w.h1("三、上学路上")
    w.items("每个同学画一张自己上学的路，用红笔标出要过的沟和陡坡。", "大雨天，家长不接送的、要过沟的学生，留校等候，老师陪同。", "见到路被冲断，不绕沟底，原路退回，打电话。")
    w.h1("四、演练安排（每学期至少一次）")
    w.table([["时间", "做什么", "谁负责"], ["第 0 分", "观察员发现险情，吹哨：一长两短，反复", "值周老师"], ["第 1 分", "各班按路线走向集合点，高年级拉低年级", "班主任"], ["第 4 分", "到达高处，点名，报告人数", "各班、校长"], ["第 6 分", "模拟报告乡镇和县教育局", "校长"], ["演练后", "说一说哪里慢了，改路线图", "全校"]], [2.6, 9.6, 4.2], centre=(0,))
    w.h1("五、记一记")
    w.p("口诀：**下雨不走沟，沟响往坡走；垂直两边跑，高处等点名。**")
    w.h1("六、考一考")
    w.items("暴雨后沟里的水突然断了，可以下沟捡石头吗？　　答：不可以，可能是上游被堵，随时会溃决成泥石流。", "泥石流来了，爬到沟边大树上行吗？　　答：不行，树可能被冲倒。")
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "a.docx"
        w.save(source)
        office.to_pdf(source, FILES / "山区雨季避险：泥石流与滑坡.pdf")


def patterns():
    shapes = {"花": lambda x, y: "".join(f'<ellipse cx="{x}" cy="{y - 15}" rx="9" ry="14" fill="#E4532A" transform="rotate({a} {x} {y})"/>' for a in range(0, 360, 72)) + f'<circle cx="{x}" cy="{y}" r="8" fill="#F2C879"/>',
              "叶": lambda x, y: f'<path d="M{x - 28} {y + 18}C{x - 24} {y - 22} {x + 6} {y - 30} {x + 28} {y - 22}C{x + 28} {y + 8} {x + 4} {y + 28} {x - 28} {y + 18}Z" fill="#7DB767"/><path d="M{x - 28} {y + 18}L{x + 20} {y - 14}" stroke="#3F7A3A" stroke-width="3"/>',
              "果": lambda x, y: f'<circle cx="{x}" cy="{y + 3}" r="25" fill="#F0A040"/><path d="M{x} {y - 22}q3 -10 12 -12" stroke="#5A4A2A" stroke-width="4" fill="none"/><path d="M{x + 2} {y - 24}q14 -10 22 2q-12 8 -22 -2Z" fill="#7DB767"/>',
              "鱼": lambda x, y: f'<path d="M{x - 30} {y}C{x - 16} {y - 26} {x + 12} {y - 20} {x + 18} {y}C{x + 12} {y + 20} {x - 16} {y + 26} {x - 30} {y}Z" fill="#4B93A8"/><path d="M{x + 14} {y}L{x + 32} {y - 17}V{y + 17}Z" fill="#4B93A8"/><circle cx="{x - 16}" cy="{y - 5}" r="3.5" fill="#fff"/>'}
    T, body = web.text, ""
    rows = [("花叶花叶花叶", 2), ("花花叶花花叶", 2), ("鱼果果鱼果果", 3), ("花叶果花叶果", 3)]
    body += T(70, 62, "接着排下去", 36, RED, "start", 700) + T(300, 60, "中班　看一看前面是怎样排的，在空格里画一画或贴一贴", 19, GREY, "start")
    for r, (seq, blank) in enumerate(rows):
        y = 142 + r * 122
        body += f'<circle cx="46" cy="{y}" r="20" fill="{BLUE}"/>' + T(46, y + 8, r + 1, 22, "#FFFFFF", weight=700)
        for i in range(len(seq) + blank):
            x = 130 + i * 96
            last = i >= len(seq)
            dash = 'stroke-dasharray="7 5"' if last else ""
            body += f'<rect x="{x - 42}" y="{y - 46}" width="84" height="92" rx="8" fill="{"#FFFFFF" if last else "#FBF6EC"}" stroke="{RED if last else "#D8D2CC"}" stroke-width="{2.5 if last else 1.5}" {dash}/>'
            if not last:
                body += shapes[seq[i]](x, y)
    body += f'<rect x="30" y="612" width="940" height="62" rx="6" fill="#E4F0E5"/>' + T(50, 638, "给老师：先请孩子说出声（“花、叶、花、叶……”），再动手。可换成石子、树叶、瓶盖摆一摆。", 17, INK, "start")
    body += T(50, 663, "答案：1. 花、叶　2. 花、花　3. 鱼、果、果　4. 花、叶、果。说得出“几个一组”就很好，不催快。", 17, INK, "start")
    (FILES / "中班数学活动：接着排下去.png").write_bytes(web.png(web.svg(1000, 700, body), 1000, 700, scale=1.5, colours=64))


def caliper():
    k = slides.Deck("游标卡尺的读数", "中职 机械类 一年级", "游标卡尺, 读数, 测量, 机械基础", colour="#3A4652")
    steel = "#E8ECEF"

    def scale(x0, y0, start, reading, div, mm_in=0.72, span=15, mark=False):
        """Main scale from start mm; vernier of div marks over (div - 1) mm with zero at reading."""
        k.box(x0 - 0.25, y0 - 1.05, span * mm_in + 0.5, 1.05, fill=steel, line=GREY, width=1)
        for m in range(span + 1):
            v, x = start + m, x0 + m * mm_in
            h = 0.62 if v % 10 == 0 else 0.48 if v % 5 == 0 else 0.34
            k.line(x, y0, x, y0 - h, width=1.75)
            if v % 10 == 0:
                k.text(x - 0.4, y0 - 1.07, 0.8, 0.4, str(v // 10), size=18, align="c", bold=True)
        step = (div - 1) / div
        vx = x0 + (reading - start) * mm_in
        k.box(vx - 0.3, y0 + 0.02, (div - 1) * mm_in + 0.6, 0.95, fill="#FFF6E0", line=GREY, width=1)
        hit = round((reading - int(reading)) * div)
        for n in range(div + 1):
            x = vx + n * step * mm_in
            on = mark and n == hit
            k.line(x, y0 + 0.02, x, y0 + (0.52 if n % 5 == 0 else 0.36), width=3 if on else 1.75, colour=RED if on else INK)
            if n % 5 == 0 or on:
                k.text(x - 0.4, y0 + 0.52, 0.8, 0.4, str(n % 10 if div == 10 else n), size=16, align="c", colour=RED if on else INK, bold=on)

    k.slide("游标卡尺的读数", bar=False, ground="#EEF1F3", title_box=(0.8, 1.3, 9, 1.1), title_size=50, title_colour="#3A4652", notes="每组一把 0—150 mm 游标卡尺，三个零件（轴、套、台阶块）。先看后摸，不把卡尺当扳手用。")
    k.text(0.85, 2.45, 9, 0.6, "中职　机械类　一年级　机械测量基础", size=22, colour=GREY)
    scale(1.2, 5.2, 20, 23.7, 10)
    k.slide("认识它：五个部分", "测外径、内径、深度")
    k.box(1.0, 2.3, 11.0, 0.7, fill=steel, line=GREY, width=1.5)
    for m in range(56):
        x = 2.6 + m * 0.15
        k.line(x, 3.0, x, 3.0 - (0.3 if m % 10 == 0 else 0.22 if m % 5 == 0 else 0.14), width=0.75)
    k.poly([(1.0, 2.3), (1.0, 5.2), (1.5, 5.2), (1.75, 3.0), (2.4, 3.0), (2.4, 2.3)], fill=steel, line=GREY, width=1.5)
    k.poly([(1.9, 2.3), (2.15, 1.5), (2.25, 1.5), (2.25, 2.3)], fill=steel, line=GREY, width=1.5)
    k.poly([(4.3, 3.0), (4.3, 3.6), (4.1, 3.6), (3.95, 5.2), (3.45, 5.2), (3.45, 2.25), (6.4, 2.25), (6.4, 3.6), (4.3, 3.6)], fill="#FFF6E0", line=GREY, width=1.5)
    k.poly([(3.5, 2.25), (3.5, 1.5), (3.6, 1.5), (3.85, 2.25)], fill="#FFF6E0", line=GREY, width=1.5)
    for n in range(11):
        k.line(3.9 + n * 0.135, 3.0, 3.9 + n * 0.135, 3.2, width=0.75)
    k.line(12.0, 2.65, 12.9, 2.65, colour=GREY, width=5)
    k.box(1.62, 3.55, 1.75, 1.4, fill="#C9D8E2", line=GREY, text="零件", size=16, shape="oval")
    for x, y, words in ((0.6, 5.35, "外测量爪：测外径、厚度"), (4.1, 1.5, "内测量爪：测内径、槽宽"), (4.7, 3.75, "游标：可以滑动"), (8.6, 1.75, "主尺：每格 1 mm"), (9.6, 3.15, "深度尺：测孔深")):
        k.text(x, y, 4.2, 0.5, words, size=20, colour=RED if "尺" not in words[:2] else BLUE, bold=True)
    k.text(0.8, 6.2, 12, 0.8, "用前擦净两爪，并拢看零线是否对齐；不对齐要记下零误差，读数时减去。", size=22)
    k.slide("三步读数", "主尺整毫米 ＋ 游标第几格 × 分度值", notes="这一页的读数是 23.7 mm：游标零线在 23 之后；第 7 格与主尺某一刻线对齐；23 + 7 × 0.1 = 23.7。")
    scale(1.2, 2.9, 20, 23.7, 10, mark=True)
    for i, (a, b) in enumerate((("一看", "游标**零线**左边，主尺的整毫米数：23 mm"), ("二找", "游标上**哪一条线**和主尺刻线对得最齐：第 7 条"), ("三加", "23 mm ＋ 7 × 0.1 mm ＝ **23.7 mm**"))):
        k.box(1.0, 4.35 + i * 0.9, 1.2, 0.7, fill=k.colour, text=a, size=22, colour="#FFFFFF", bold=True, shape="round")
        k.text(2.5, 4.35 + i * 0.9, 10, 0.7, b, size=24, anchor="m")
    k.slide("三种分度值", "游标上刻多少格，就能读到多细")
    k.table(0.9, 1.7, [2.2, 3.4, 2.9, 3.0], [["游标格数", "游标总长", "分度值", "读数末位"], ["10 格", "9 mm", "0.1 mm", "0.1 的整数倍"], ["20 格", "19 mm（或 39 mm）", "0.05 mm", "0 或 5"], ["50 格", "49 mm", "0.02 mm", "偶数"]], size=22, row_h=0.78)
    k.text(0.9, 5.2, 11.5, 1.5, "想一想：用 50 分度的卡尺，有同学读出 12.35 mm，对吗？\n不对。分度值 0.02 mm，末位只能是偶数，应为 12.34 或 12.36 mm。", size=24)
    k.slide("练一练", "先写零线左边，再找对齐的线", notes="答案：(1) 41.3 mm；(2) 6.6 mm。常见错误：把游标左端的边框当成零线；忘记主尺上的数字单位是厘米。")
    k.text(0.2, 2.0, 0.9, 0.5, "(1)", size=22)
    scale(1.3, 2.75, 38, 41.3, 10)
    k.text(0.2, 4.7, 0.9, 0.5, "(2)", size=22)
    scale(1.3, 5.45, 4, 6.6, 10)
    k.text(1.0, 6.65, 11.5, 0.6, "读数：(1) ＿＿＿＿＿ mm　　(2) ＿＿＿＿＿ mm　　主尺数字的单位是 cm", size=20)
    k.save(FILES / "游标卡尺的读数.pptx")


def by_wire():
    w = word.Word("同步课堂：主讲与辅教怎样配合", "教师培训　城乡结对“双师课堂”操作手册（音乐、美术、英语、科学通用）", "教师培训", "同步课堂, 双师课堂, 辅教教师, 教学点", colour="#34406F")
    w.h1("一、先说清楚")
    w.p("主讲老师在中心校，辅教老师在教学点。主讲不是“播音员”，辅教也不是“管纪律的”。一节课 40 分钟，**屏幕上讲的不超过 18 分钟**，其余时间是孩子在做、在唱、在画、在说，由辅教老师在身边看、帮、记。", indent=True)
    w.h1("二、分工表")
    w.table([["时候", "主讲老师", "辅教老师"], ["课前一周", "发教案、材料清单、课件页图（线路不好也能先取到）", "说学情：几个孩子、什么基础、有什么材料"], ["课前一天", "试音试像 5 分钟；约定暗号：举手、黄牌＝听不清，红牌＝断线", "备好材料；把课件页图存在本地，打印一份"], ["上课", "每 6 分钟停一次，点名问到教学点的孩子", "把孩子的作品举到镜头前；补讲方言里的说法"], ["断线时", "照常往下讲，录音留底", "不慌，翻到打印的那一页，按“断线接力卡”接着上"], ["课后", "看 3 份教学点作业，写一句话", "记两件事：谁没跟上，哪一步太快"]], [2.2, 7.1, 7.1], centre=(0,))
    w.h1("三、断线接力卡（每节课一张）")
    w.table([["到哪一步断了", "接着做什么（不用网络）", "做多久"], ["导入", "看实物或打印图，两人互说三句话", "5 分钟"], ["示范", "照打印的步骤图做第一步，辅教示范", "8 分钟"], ["练习", "继续做，同桌互评，辅教拍三张照片", "12 分钟"], ["展示", "贴到墙上走一圈，选一份，下次给主讲看", "8 分钟"]], [3.4, 9.4, 3.6])
    w.h1("四、线路和设备")
    w.items("声音比画面要紧：带宽不够时先关教学点的画面，再降清晰度，最后只留声音。", "麦克风离主讲 30 厘米；教学点的音箱不要正对麦克风，免得啸叫。", "镜头放在孩子眼睛的高度，背对窗户会看不清脸。", "大文件不在白天取，放到夜里同步；第二天一早看“已到”再备课。")
    w.h1("五、听课评价（满分 20）")
    w.table([["看什么", "0～5 分"], ["教学点每个孩子至少有一次被叫到名字", ""], ["孩子动手、开口的时间不少于一半", ""], ["断线或卡顿时，课没有停", ""], ["课后主讲与辅教有来有往，记录具体", ""]], [12.6, 3.8])
    w.h1("六、常见问题")
    w.p("**问：教学点只有三个孩子，值得吗？**　值得。把三个孩子编进主讲班的小组，轮流当组长。", "**问：两边教材不一样怎么办？**　按课题结对，不按页码；歌曲、色彩、字母、种子发芽，哪套教材都有。", "**问：辅教老师不会唱歌。**　先放示范音频，辅教跟着孩子一起学，教得会不会唱不要紧，坐在一起最要紧。")
    w.save(FILES / "同步课堂：主讲与辅教怎样配合.docx")


def two_grades():
    wb = sheet.book("青杠垭教学点复式班一周课表", "复式教学", "复式教学, 课表, 动静搭配")
    ws = wb.active
    ws.title = "一周课表"
    sheet.page(ws, landscape=True)
    ws.merge_cells("A1:G1")
    sheet.put(ws, "A1", "青杠垭教学点　复式班（一、三年级）一周课表", 16, True, "96290C", border=False)
    ws.row_dimensions[1].height = 36
    for c, h in zip("ABCDEFG", ("节次", "年级", "星期一", "星期二", "星期三", "星期四", "星期五")):
        sheet.put(ws, f"{c}2", h, 12, True, "FFFFFF", "96290C")
    ws.row_dimensions[2].height = 26
    plan = [("第 1 节\n8:30", ["语文 动→静", "数学 静→动", "语文 动→静", "数学 静→动", "语文 动→静"], ["数学 静→动", "语文 动→静", "数学 静→动", "语文 动→静", "语文 静→动"]),
            ("第 2 节\n9:20", ["数学 静→动", "语文 动→静", "数学 静→动", "语文 动→静", "数学 静→动"], ["语文 动→静", "数学 静→动", "语文 动→静", "数学 静→动", "数学 动→静"]),
            ("第 3 节\n10:30", ["音乐（合班）", "体育（合班）", "英语听说（合班·同步课堂）", "美术（合班）", "科学（合班·同步课堂）"], None),
            ("第 4 节\n14:00", ["道德与法治 静→动", "语文 静→动", "体育（合班）", "音乐（合班·同步课堂）", "美术（合班）"], ["英语 动→静", "语文 动→静", "体育（合班）", "音乐（合班·同步课堂）", "美术（合班）"]),
            ("第 5 节\n14:50", ["体育（合班）", "劳动：菜地（合班）", "阅读（合班）", "书法（合班）", "班会、安全（合班）"], None)]
    r = 3
    for label, first, third in plan:
        rows = [("一年级", first), ("三年级", third)] if third else [("一、三年级", first)]
        if len(rows) == 2:
            ws.merge_cells(f"A{r}:A{r + 1}")
        for grade, cells in rows:
            if grade != "三年级":
                sheet.put(ws, f"A{r}", label, 11, True, fill="F3F2F0")
            sheet.put(ws, f"B{r}", grade, 11, fill="F3F2F0")
            for c, v in zip("CDEFG", cells):
                sheet.put(ws, f"{c}{r}", v, 11, fill="E2EFF2" if "同步" in v else ("E4F0E5" if "合班" in v else ("FBE9E1" if "动→" in v else None)))
            ws.row_dimensions[r].height = 34
            r += 1
    for c, wd in zip("ABCDEFG", (11, 13, 20, 20, 24, 20, 22)):
        ws.column_dimensions[c].width = wd
    ws.merge_cells(f"A{r}:G{r}")
    sheet.put(ws, f"A{r}", "动 = 老师直接教；静 = 自动作业（学习单、朗读、小助手带）。“动→静”前 20 分钟教、后 20 分钟做，另一个年级正好相反，老师 20 分钟换一次。绿色：两个年级合在一起上；蓝色：与云杉坪中学的同步课堂。", 10.5, colour="5A514B", border=False, align="left")
    ws.row_dimensions[r].height = 44
    au = wb.create_sheet("自动作业登记")
    sheet.page(au)
    au.merge_cells("A1:F1")
    sheet.put(au, "A1", "自动作业登记（小助手填）", 15, True, "96290C", border=False)
    au.row_dimensions[1].height = 34
    for c, h in zip("ABCDEF", ("日期", "年级", "作业", "应交", "实交", "没懂的题")):
        sheet.put(au, f"{c}2", h, 11, True, "FFFFFF", "96290C")
    examples = [("9 月 7 日", "一年级", "描红“一二三”，读三遍", 5, 5, ""), ("9 月 7 日", "三年级", "测量铅笔长，填毫米", 4, 4, "半毫米怎么读"), ("9 月 8 日", "三年级", "读《大青树下的小学》第 1～3 段，画词语", 4, 3, "")]
    for i in range(18):
        for c, v in zip("ABCDEF", examples[i] if i < len(examples) else ("",) * 6):
            sheet.put(au, f"{c}{i + 3}", v)
        au.row_dimensions[i + 3].height = 24
    for c, wd in zip("ABCDEF", (12, 11, 38, 8, 8, 20)):
        au.column_dimensions[c].width = wd
    sheet.save(wb, FILES / "复式班一周课表与自动作业登记.xlsx")


def make():
    algorithm()
    dish()
    drowning()
    debris()
    patterns()
    caliper()
    by_wire()
    two_grades()
