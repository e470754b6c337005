"""道德与法治、历史、地理、地方课程: waste made useful, Zhang Qian, the Third Front, contour lines, the river, the kapok."""

import math
import tempfile
from pathlib import Path

import contourpy
import numpy as np

from kit import FILES, GREEN, GREY, INK, RED, RED_TINT, office, slides, typeset, web, word


def waste():
    w = word.Word("变废为宝有妙招", "道德与法治　四年级上册　教学设计（第 1 课时）", "道德与法治 四年级上册", "垃圾分类, 变废为宝, 环保", colour=GREEN)
    w.h1("一、目标")
    w.items("知道一个家庭一天产生多少垃圾，说出三种以上可以再利用的废物。", "会按四类分一分，并说出理由。", "愿意从自己做起，和家人商量一件能坚持一周的小事。")
    w.h1("二、课前调查（提前三天）")
    w.table([["日期", "厨余垃圾（千克）", "可回收物（件）", "其他垃圾（件）", "有害垃圾（件）"], ["第 1 天", "", "", "", ""], ["第 2 天", "", "", "", ""], ["第 3 天", "", "", "", ""]], [2.4, 3.6, 3.5, 3.5, 3.5], heights=0.85, centre=(0,))
    w.p("没有秤的家庭，可以用“几碗”“几袋”来记，不和别人家比多少。")
    w.h1("三、过程")
    w.table([["环节", "教师活动", "学生活动"],
             ["算一算\n8 分钟", "把全班的厨余垃圾加起来，再乘 365。问：这些垃圾去了哪里？", "计算；看本地垃圾的去处（填埋、焚烧发电、堆肥），说感受。"],
             ["分一分\n10 分钟", "发实物或卡片：菜叶、饮料瓶、旧电池、用过的纸巾、旧衣服、过期药、碎碗、快递纸箱。", "小组分成四类，贴到黑板，有争议的放中间讨论。"],
             ["变一变\n12 分钟", "展示：纸箱做收纳盒，菜叶和泥土堆肥，旧瓶做浇水器。哪些变法省力又真有用？", "每组想一个变法，画草图，写材料和步骤。"],
             ["辨一辨\n5 分钟", "“为了做手工，特意买十个新瓶子，好不好？”", "讨论：减少产生，比变废为宝更要紧。顺序是：少用、再用、回收。"],
             ["订一订\n5 分钟", "和家人约定一件小事，坚持一周，下周交流。", "填约定卡：我们家决定＿＿＿＿，从＿月＿日开始。"]],
            [2.2, 7.2, 7.0], centre=(0,))
    w.h1("四、分类参考")
    w.table([["可回收物", "有害垃圾", "厨余垃圾", "其他垃圾"], ["饮料瓶、纸箱、旧衣服、易拉罐、玻璃瓶", "充电电池、纽扣电池、过期药、废灯管、水银体温计", "菜叶、果皮、剩饭、蛋壳、茶渣", "用过的纸巾、碎碗、尘土、大骨头、烟头"]], [4.1, 4.2, 4.0, 4.2])
    w.p("说明：现在市面上的一次性干电池（五号、七号碱性电池）大多达到低汞或无汞要求，可按其他垃圾投放；充电电池、纽扣电池仍属有害垃圾。以当地规定为准。")
    w.h1("五、教学点可以这样上")
    w.p("没有分类桶的村子，重点放在厨余堆肥和不烧塑料两件事上：在校园角落挖一个堆肥坑，一层菜叶一层土，每周翻一次，两三个月后给菜地用。", indent=True)
    w.save(FILES / "《变废为宝有妙招》教学设计.docx")


def silk_road():
    w = word.Word("张骞通西域与丝绸之路", "历史　七年级上册　学习任务单　　班级＿＿＿＿　姓名＿＿＿＿＿", "历史 七年级上册", "张骞, 西域, 丝绸之路, 汉武帝", colour="#8A5A2B")
    w.h1("任务一　两次出使（读课文，填表）")
    w.table([["", "第一次", "第二次"], ["时间", "公元前 138 年出发，公元前 126 年回到长安", "公元前＿＿＿＿年"], ["目的", "联络＿＿＿＿＿＿，夹击匈奴", "与西域各国友好往来（联络乌孙）"], ["经过", "被匈奴扣留十余年，逃出后继续西行", "副使访问大宛、康居、大月氏、大夏等国"], ["结果", "没有达到目的，但了解了西域的＿＿＿＿＿＿＿＿＿", "西域各国派使节回访，汉与西域的交往日益频繁"]], [2.2, 7.3, 6.9], first_bold=True)
    w.h1("任务二　画路线")
    T = web.text
    pts = [(70, 150, "长安", 1), (170, 120, "河西走廊", 0), (262, 96, "敦煌", 1), (352, 60, "西域（北道）", 0), (352, 150, "西域（南道）", 0), (462, 104, "葱岭", 0), (560, 90, "中亚", 0), (650, 104, "西亚", 0), (738, 84, "欧洲", 0)]
    line = '<path d="M70 150L170 120L262 96L352 60L462 104L560 90L650 104L738 84M262 96L352 150L462 104" fill="none" stroke="#B87400" stroke-width="4" stroke-linejoin="round" stroke-dasharray="10 6"/>'
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="7" fill="{"#C23B16" if b else "#fff"}" stroke="#8A5A2B" stroke-width="2.5"/>' + T(x, y + (30 if y > 70 else -14), n, 17, weight=700 if b else 400) for x, y, n, b in pts)
    w.picture(web.png(web.svg(800, 200, f'<rect width="800" height="200" fill="#FBF3E4"/>{line}{dots}' + T(788, 188, "示意图，不按比例", 13, GREY, "end")), 800, 200, colours=48), 15.5, "丝绸之路示意图：长安、河西走廊、敦煌、西域南北两道、葱岭、中亚、西亚、欧洲")
    w.p("在图上用红笔标出：①都城；②西域都护府管理的大致范围；③丝绸西去、葡萄东来的方向。")
    w.h1("任务三　丝绸之路上的来往")
    w.table([["从汉朝传到西方", "从西域、西方传到汉朝"], ["丝绸、漆器、铁器；开渠、凿井、铸铁的技术……", "葡萄、核桃、石榴、苜蓿；汗血马；乐器、歌舞；（东汉前后）佛教……"]], [8.2, 8.2])
    w.h1("任务四　想一想")
    w.items("公元前 60 年，西汉设置西域都护。这件事为什么重要？", "有人说：“张骞没有完成任务，所以他失败了。”你同意吗？说出两条理由。", "查一查：从成都经攀西一带通往云南、缅甸、印度的古道叫什么？张骞在大夏看到了哪两样来自蜀地的东西？")
    w.page_break()
    w.h1("参考答案")
    w.p("任务一：公元前 119 年；大月氏；地理、物产、风俗和想与汉朝往来的愿望。　任务四：1. 标志着西域正式归属中央政权管辖，是今天新疆地区归属中央政权的开始。2. 不同意。他了解了西域，开辟了通往西域的道路，促进了中外往来，“凿空”之功很大（言之成理即可）。3. 南方丝绸之路（蜀身毒道）；蜀布、邛竹杖。")
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "a.docx"
        w.save(source)
        office.to_pdf(source, FILES / "张骞通西域与丝绸之路 任务单.pdf")


def third_front():
    T = web.text
    events = [("1964", "国家作出三线建设的决策，", "攀枝花钢铁基地是重点"), ("1965", "2 月设攀枝花特区，", "4 月改称渡口市"), ("1966", "大批建设者到达，", "住席棚，“三块石头架口锅”"), ("1970", "7 月 1 日出铁；", "同日成昆铁路全线通车"), ("1971", "炼出第一炉钢", ""), ("1974", "轧出第一批钢材", ""), ("1987", "渡口市改名攀枝花市，", "全国唯一以花命名的地级市")]
    w_, gap = 940, 128
    art = f'<path d="M60 100H{w_ - 20}" stroke="#8A5A2B" stroke-width="7" stroke-linecap="round"/>'
    for i, (y, a, b) in enumerate(events):
        x = 92 + i * gap
        up = i % 2 == 0
        art += f'<path d="M{x} 100V{66 if up else 134}" stroke="#8A5A2B" stroke-width="3"/><circle cx="{x}" cy="100" r="11" fill="{RED}"/><circle cx="{x}" cy="100" r="4.5" fill="#F2C879"/>'
        base = 16 if up else 156
        art += T(x, base + (0 if up else 4), y, 20, RED, weight=700) + T(x, base + (22 if up else 26), a, 13.5) + (T(x, base + (40 if up else 44), b, 13.5) if b else "")
    body = f"""<header><h1>三线建设与攀枝花</h1><p>地方课程　八年级　阅读与探究　攀枝花市</p></header><svg width="100%" viewBox="0 0 {w_} 214">{art}</svg>
      <section><h2>一、为什么选在这里</h2><p>20 世纪 60 年代，国际形势紧张，国家决定在中西部的“三线”地区建设后方工业基地。攀枝花一带藏有巨大的<b>钒钛磁铁矿</b>，附近有煤，有金沙江的水，又在群山之中，于是在没有城市的峡谷里，从零建起了一座钢铁城。</p>
      <h2>二、最难的一道题</h2><p>攀枝花的铁矿石含钛高。按当时通行的办法，用普通高炉炼，炉渣又稠又黏，铁和渣分不开，国外专家也认为难以冶炼。科研人员和工人辗转几个地方，做了一千多次试验，终于找到用普通高炉冶炼高钛型钒钛磁铁矿的办法。</p>
      <h2>三、一块坡地上的工厂</h2><p>弄弄坪只有约 2.5 平方千米，地面高差八十多米。按平地的常规，这么大的钢铁厂要占几倍的地方。设计者把坡地修成几个大台阶，工厂一层一层摆上去，人们叫它“<b>象牙微雕</b>”。</p></section>
      <div class=two><div><h2>四、读图表</h2><table><tr><th style="width:52px">条件<th>攀枝花有什么<th>给建设带来什么</tr><tr><td>矿产<td>钒钛磁铁矿、煤<td>原料、燃料就近</tr><tr><td>水<td>金沙江、雅砻江<td>工业用水、水电</tr><tr><td>地形<td>高山峡谷<td>隐蔽，但平地少、修路难</tr><tr><td>交通<td>起初没有铁路<td>1970 年成昆线通车后改观</tr></table></div>
      <div class=ask><h2>五、探究</h2><ol><li>在地图上找出成昆铁路，说说它为什么难修。</li><li>访问一位参加过建设的老人：从哪里来？坐什么车？住在哪里？记下他的一句原话。</li><li>“象牙微雕”体现了怎样因地制宜？你家附近还有类似的例子吗？</li><li>今天的攀枝花从“钢铁之城”走向“阳光康养”，画一条时间线续到今年。</li></ol></div></div>
      <footer>提示：访问老人要先征得同意；录音、照片不上传公开网络。年代以市志和教材为准，发现不同说法，把两种都记下来，注明出处，这本身就是历史学习。</footer>"""
    web.pdf(FILES / "三线建设与攀枝花 阅读与探究.pdf", "三线建设与攀枝花 阅读与探究", body, f"""body{{font-size:14px;line-height:1.8}} header{{display:flex;justify-content:space-between;align-items:flex-end;border-bottom:4px solid {RED};margin-bottom:14px}} h1{{font-size:29px}} header p{{color:{GREY}}}
      h2{{font-size:17px;color:{RED};margin:10px 0 3px}} section p{{text-indent:2em}} b{{color:{RED}}} .two{{display:flex;margin-top:4px}} .two>div{{flex:1}} .ask{{background:{RED_TINT};padding:2px 16px 10px;margin-left:18px}} table{{width:100%;font-size:13px}} td,th{{border:1px solid #A79F98;padding:4px 7px;text-align:left}} th{{background:#F3F2F0}} ol{{padding-left:20px;margin:0}} footer{{margin-top:14px;color:{GREY};font-size:12.5px;border-top:1px solid #D8D2CC;padding-top:8px}}""", margin="14mm 16mm")


def contours():
    k = slides.Deck("等高线地形图的判读", "地理 七年级上册", "等高线, 地形图, 山脊, 山谷, 鞍部", colour="#5A4A2A")
    brown = "#A0703A"

    xs, ys = np.linspace(0, 12, 181), np.linspace(0, 8, 121)
    X, Y = np.meshgrid(xs, ys)
    bump = lambda x, y, sx, sy, a=0.0: np.exp(-(((X - x) * math.cos(a) + (Y - y) * math.sin(a)) / sx) ** 2 - ((-(X - x) * math.sin(a) + (Y - y) * math.cos(a)) / sy) ** 2)
    Z = 620 * bump(4.0, 4.4, 2.5, 2.1) + 500 * bump(8.3, 4.0, 2.1, 1.8) + 170 * bump(2.4, 1.7, 0.75, 2.2, 0.5) - 190 * bump(6.0, 1.9, 0.6, 1.9, -0.15) + 60
    gen = contourpy.contour_generator(xs, ys, Z)

    def relief(x0, y0, scale):
        for level in range(100, 700, 100):
            for line in gen.lines(level):
                if len(line) < 12:
                    continue
                pts = [(x0 + px * scale, y0 + (8 - py) * scale) for px, py in line[::3]]
                closed = np.allclose(line[0], line[-1])
                k.poly(pts, line=brown, width=2.6 if level % 500 == 0 else 1.4, closed=closed)

    k.slide("等高线地形图的判读", bar=False, ground="#F7F1E4", title_box=(0.8, 1.0, 8, 1.0), title_size=44, title_colour="#5A4A2A", notes="用马铃薯切片或泥巴沙盘做演示：把模型一厘米一层地浸水，每次沿水面画一圈，就是一条等高线。")
    k.text(0.85, 2.0, 6, 0.6, "地理　七年级上册　地图", size=22, colour=GREY)
    relief(4.2, 1.7, 0.72)
    k.slide("等高线：海拔相同的点连成的线", "一层一层地“切”山")
    for i, (left, right, label) in enumerate(((1.1, 6.1, "100"), (1.8, 5.52, "200"), (2.62, 5.0, "300"), (3.5, 4.4, "400"))):
        cx, cy, rx, top = (left + right) / 2, 5.55, (right - left) / 2, 4.0 - i * 0.55
        k.poly([(cx + rx * math.cos(a), cy + rx * 0.46 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 61)[:-1]], line=brown, width=2)
        k.line(1.0, top, 6.3, top, colour="#C9B48E", width=1, dash=True)
        k.text(0.3, top - 0.2, 0.75, 0.4, label, size=14, colour=GREY, align="r")
        for x in (left, right):
            k.line(x, top, x, cy, colour="#C9B48E", width=1, dash=True)
    k.poly([(1.1, 4.0), (1.8, 3.45), (2.62, 2.9), (3.5, 2.35), (3.95, 2.05), (4.4, 2.35), (5.0, 2.9), (5.52, 3.45), (6.1, 4.0)], fill="#E5D3B0", line=brown, width=2.5)
    k.text(6.9, 1.5, 5.9, 5.2, "**海拔**：高出海平面的垂直距离。\n**相对高度**：两点海拔之差。\n**等高距**：相邻两条等高线的差，同一幅图里相同。\n\n看疏密：越密，坡越**陡**；越疏，坡越**缓**。\n看数值：从里往外变小是山，变大是洼地。\n同一条线上，各点海拔相等。", size=23, spacing=1.3)
    k.slide("五个部位，五种样子", "先看弯，再看数")
    # Small drawings, one a landform.
    def ring(cx, cy, rx, ry):
        k.poly([(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 33)[:-1]], line=brown, width=2)
    for r in (0.95, 0.62, 0.3):
        ring(1.7, 2.9, r, r * 0.85)
    k.text(1.45, 2.66, 0.5, 0.4, "▲", size=14, align="c")
    for r in (0.5, 0.26):
        ring(3.72, 2.9, r, r * 1.25)
        ring(4.88, 2.9, r * 0.9, r * 1.15)
    curve = lambda x0, x1, f: k.poly([(x, f(x)) for x in np.linspace(x0, x1, 33)], line=brown, width=2, closed=False)
    for side in (-1, 1):
        curve(3.1, 5.5, lambda x: 2.9 + side * (0.86 - 0.42 * math.exp(-((x - 4.3) / 0.3) ** 2)))
    for x0, way in ((6.85, 1), (9.2, -1)):
        for i, label in enumerate(("300", "200", "100")):
            y0 = 2.3 + i * 0.55
            curve(x0 - 0.85, x0 + 0.85, lambda x: y0 + 0.5 * way * math.exp(-((x - x0) / 0.32) ** 2))
            k.text(x0 + 0.8, y0 - 0.2, 0.6, 0.35, label, size=12, colour=GREY)
    for i in range(4):
        gap = (i - 1.5) * 0.4
        curve(10.8, 12.8, lambda x: 2.9 + gap * min(1.0, (max(0.0, abs(x - 11.8) - 0.25) / 0.7) ** 1.5))
    k.line(11.55, 2.9, 12.05, 2.9, colour=INK, width=5)
    for x, a, b in ((1.7, "山顶", "封闭，里高外低"), (4.3, "鞍部", "两个山顶之间"), (6.9, "山脊", "弯向低处凸"), (9.25, "山谷", "弯向高处凸"), (11.8, "陡崖", "几条线重合")):
        k.box(x - 0.95, 4.35, 1.9, 0.62, fill="#5A4A2A", text=a, size=22, colour="#FFFFFF", bold=True, shape="round")
        k.text(x - 1.3, 5.05, 2.6, 0.6, b, size=20, align="c")
    k.text(0.8, 6.0, 11.8, 1, "口诀：**凸低为脊，凸高为谷**；河流只会在山谷里，分水岭在山脊上。", size=26, align="c")
    k.slide("判读练习", "等高距 100 米",
            notes="答案：1. 甲、乙都是山顶，甲更高（甲在 600 米线以内，乙在 500 米线以内）。2. 丙是鞍部。3. 丁处等高线向高处凸，是山谷，可能有小河，由北向南流出图外。4. 戊处向低处凸，是山脊。5. 选缓坡、近水、避开谷口和陡坡：谷口雨季有泥石流危险。")
    relief(0.5, 1.45, 0.68)
    at = lambda px, py: (0.5 + px * 0.68, 1.45 + (8 - py) * 0.68)
    for name, px, py in (("甲", 4.0, 4.4), ("乙", 8.3, 4.0), ("丙", 6.2, 4.25), ("丁", 5.95, 2.3), ("戊", 2.62, 1.32)):
        x, y = at(px, py)
        k.box(x - 0.21, y - 0.21, 0.42, 0.42, fill=RED, text=name, size=14, colour="#FFFFFF", bold=True, shape="oval")
    for level, px in ((100, None), (300, None), (500, None)):
        best = max(gen.lines(level), key=len)
        q = best[np.argmax(best[:, 1])] if level != 500 else best[np.argmin(best[:, 1])]
        x, y = at(*q)
        k.box(x - 0.26, y - 0.13, 0.52, 0.26, fill="#FFFFFF", text=str(level), size=12, colour=brown)
    k.line(8.3, 2.6, 8.3, 1.9, colour=INK, width=2, arrow=True)
    k.text(8.1, 1.45, 0.4, 0.4, "北", size=16, align="c")
    k.text(8.9, 1.6, 4.2, 5.5, "1. 甲、乙是什么部位？哪个高？\n2. 丙是什么部位？\n3. 丁处可能有河流吗？向哪个方向流？\n4. 戊是山脊还是山谷？\n5. 村里想新建一所教学点，选址要避开哪里？为什么？", size=21, spacing=1.35)
    k.save(FILES / "等高线地形图的判读.pptx")


def river():
    typeset.pdf(FILES / "金沙江小档案.pdf", "金沙江小档案", r"""
#set page(fill: rgb("#FFFFFF"))
#let river = rgb("#135E78")
#block(fill: river, width: 100%, inset: (x: 14pt, y: 12pt))[#sans(size: 22pt, weight: "bold", fill: white)[金沙江小档案] #h(1fr) #sans(size: 10pt, fill: rgb("#DCEBF0"))[地方课程　五、六年级　攀枝花]]
#grid(columns: (1fr, 1fr, 1fr, 1fr), gutter: 6pt, ..(("约 2300 千米", "长度（玉树到宜宾）"), ("约 3300 米", "总落差"), ("长江上游", "属于哪条江"), ("雅砻江", "最大的支流")).map(((a, b)) => block(fill: rgb("#E2EFF2"), width: 100%, inset: 8pt)[#align(center)[#sans(size: 15pt, weight: "bold", fill: river)[#a] \ #sans(size: 9.5pt)[#b]]]))
= 一、它从哪里来，到哪里去
青海玉树的巴塘河口以上叫通天河，以下叫*金沙江*。它沿着四川和西藏、四川和云南的边界向南奔流，在云南石鼓突然转了一个大弯，叫“长江第一湾”；接着穿过又深又窄的虎跳峡，一路向东，经过攀枝花，到宜宾与岷江汇合，从此就叫*长江*。古时候江里淘得到沙金，所以叫金沙江；诸葛亮《出师表》里“五月渡泸”的泸水，指的就是这一段江水。
#align(center)[#box(width: 165mm, height: 62mm)[
  #place(curve(stroke: (paint: river, thickness: 3pt, join: "round"), curve.move((6mm, 2mm)), curve.cubic((14mm, 20mm), (10mm, 34mm), (22mm, 50mm)), curve.cubic((26mm, 58mm), (32mm, 44mm), (36mm, 34mm)), curve.cubic((40mm, 24mm), (46mm, 34mm), (50mm, 44mm)), curve.cubic((58mm, 58mm), (72mm, 44mm), (84mm, 46mm)), curve.cubic((98mm, 50mm), (104mm, 62mm), (116mm, 54mm)), curve.cubic((126mm, 44mm), (132mm, 30mm), (152mm, 24mm))))
  #place(curve(stroke: (paint: rgb("#5A9AB0"), thickness: 2pt), curve.move((62mm, 2mm)), curve.cubic((66mm, 16mm), (82mm, 22mm), (88mm, 46.5mm))))
  #place(curve(stroke: (paint: rgb("#5A9AB0"), thickness: 2pt), curve.move((132mm, 2mm)), curve.cubic((138mm, 10mm), (146mm, 16mm), (152mm, 24mm))))
  #let spot(x, y, t, dx: 2, dy: -5) = { place(dx: x * 1mm - 1.3mm, dy: y * 1mm - 1.3mm, circle(radius: 1.3mm, fill: rgb("#C23B16"), stroke: 0.6pt + white)); place(dx: (x + dx) * 1mm, dy: (y + dy) * 1mm, sans(size: 9.5pt)[#t]) }
  #spot(6, 2, [玉树], dy: 0) #spot(25.5, 52.5, [石鼓　长江第一湾], dx: -14, dy: 4) #spot(36, 34, [虎跳峡], dx: -14, dy: -3)
  #spot(78, 46, [*攀枝花*], dx: -10, dy: -6) #spot(88, 46.8, [雅砻江汇入], dx: 3, dy: -4) #spot(152, 24, [宜宾], dx: -2, dy: 3)
  #place(dx: 70mm, dy: 6mm, sans(size: 9pt, fill: river)[雅砻江]) #place(dx: 141mm, dy: 6mm, sans(size: 9pt, fill: river)[岷江]) #place(dx: 56mm, dy: 54mm, sans(size: 9pt, fill: river)[金 沙 江])
  #place(dx: 128mm, dy: 57mm, sans(size: 8.5pt, fill: rgb("#5A514B"))[示意图，不按比例，上北下南])]]
= 二、江边的阶梯
落差大，水流急，正好发电。下游有四座巨型水电站，从上往下是：
#table(columns: (1.2fr, 1fr, 1fr, 1fr, 1fr), inset: 6pt, stroke: 0.5pt + rgb("#A79F98"), align: center, fill: (x, y) => if y == 0 { rgb("#E2EFF2") },
  [水电站], [乌东德], [白鹤滩], [溪洛渡], [向家坝], [装机容量（万千瓦）], [1020], [1600], [1386], [640])
算一算：四座一共多少万千瓦？白鹤滩是向家坝的几倍？（答：4646 万千瓦；2.5 倍。）
= 三、干热河谷
江水切得深，两岸是高山。湿润的气流翻过山，下沉到谷底时变热变干，所以谷底雨少、阳光多、冬天暖，叫*干热河谷*。于是这里有木棉、凤凰木，有芒果、石榴、早春的蔬菜；山上却是云南松，再高处有箭竹和杜鹃。同一座山，从江边走到山顶，像走过好几个季节。
= 四、江边人的约定
+ 看：画出你家到江边的路，标出高的地方和低的地方。
+ 问：江水一年里什么时候最浑？为什么？（雨季，雨水把山上的泥沙冲进江里。）
+ 做：不往江里倒垃圾，不私自下江游泳；禁渔期不捕鱼。
+ 写：给金沙江写四行诗，第一行用“你从……来”开头。
#v(1fr)
#text(size: 9pt, fill: rgb("#5A514B"))[给老师：长度、落差因起点和测法不同，各书略有出入，这里取约数。水电站数据为四座电站首期装机容量（不含向家坝扩机）。]
""", ["金沙江", "雅砻江", "干热河谷", "攀枝花"])


def kapok():
    flower = lambda size: f'<svg width={size} height={size} viewBox="-34 -34 68 68">' + "".join(f'<path d="M0 -3C-4 -7 -11 -13 -11 -21C-11 -27 -6 -30 0 -28C6 -30 11 -27 11 -21C11 -13 4 -7 0 -3Z" fill="{c}" transform="rotate({a})"/>' for a, c in ((0, "#E4532A"), (72, "#C23B16"), (144, "#E4532A"), (216, "#C23B16"), (288, "#D94A22"))) + '<circle r="6" fill="#2B2422"/>' + "".join(f'<circle cx="{9 * math.cos(a):.1f}" cy="{9 * math.sin(a):.1f}" r="1.8" fill="#F2C879"/>' for a in np.linspace(0, 2 * math.pi, 11)[:-1]) + "</svg>"
    tree = '<g fill="none" stroke="#5A4A40" stroke-linecap="round"><path d="M150 270V60" stroke-width="15"/>' + "".join(f'<path d="M150 {y}C{150 + s * 30} {y - 4} {150 + s * 60} {y - 16} {150 + s * l} {y - 26}" stroke-width="{wd}"/>' for y, l, wd in ((190, 110, 7), (140, 95, 6), (96, 72, 5)) for s in (-1, 1)) + "</g>"
    blossoms = "".join(f'<g transform="translate({x} {y})"><path d="M0 4C-9 2 -12 -6 -9 -12C-4 -9 4 -9 9 -12C12 -6 9 2 0 4Z" fill="{c}"/><circle cy="-8" r="2.4" fill="#F2C879"/></g>'
                       for i, (x, y) in enumerate([(150 + s * l * f, y - 26 * f - 4) for y, l in ((190, 110), (140, 95), (96, 72)) for s in (-1, 1) for f in (0.5, 0.75, 1)] + [(150, 52), (138, 72), (163, 76)]) for c in [("#E4532A", "#C23B16")[i % 2]])
    spikes = "".join(f'<path d="M{142.5 if i % 2 else 157.5} {200 + i * 8}l{-7 if i % 2 else 7} -3l{7 if i % 2 else -7} 8Z" fill="#5A4A40"/>' for i in range(8))
    body = f"""<header><div>{flower(64)}</div><div><h1>木棉，英雄的树</h1><p>地方课程　三、四年级　阅读　　配木棉观察记录</p></div></header>
      <div class=top><article><p>在攀枝花，人们把木棉叫作<b>攀枝花</b>，这座城市就是用它的名字命名的。</p>
      <p>冬天还没走远，木棉已经落光了叶子。二三月里，一树大花忽然开了，花比叶子先到。每朵花有碗口大，五片厚厚的花瓣，红的、橙红的，中间是一大把花蕊。花蜜很多，小鸟一早就来，把脑袋埋进花里。</p>
      <p>木棉是高大的乔木，能长到二十多米。它的树干直直的，小时候身上长满粗短的刺，像穿着铠甲；老了，刺就慢慢少了。它总要长得比旁边的树高一些，好去晒太阳，所以有人叫它“<b>英雄树</b>”。</p>
      <p>花落下来，不是一片一片飘，是整朵整朵地往下掉，打着旋儿，“啪”的一声。阿婆捡回去，洗净，晒干，煮汤。阿公说，渡口的老街还没有路灯的那些年，<u>谁家窗台上晒着木棉，过江的人就知道那里可以讨一碗热水</u>。</p>
      <p>五月，果子裂开，白白的棉絮带着黑色的种子飞出来，像下了一场不冷的雪。这种棉絮太短，又滑，不好纺线，可是又轻又暖，老人用它装枕头。</p></article>
      <svg width=250 height=300 viewBox="15 20 270 270">{tree}{spikes}{blossoms}<path d="M20 272H280" stroke="#8A6244" stroke-width="5" stroke-linecap="round"/></svg></div>
      <h2>读一读，答一答</h2><ol><li>木棉先开花还是先长叶？从哪句话知道的？</li><li>为什么叫它“英雄树”？</li><li>木棉的棉絮和棉花地里的棉花有什么不同？</li><li>“像下了一场不冷的雪”把什么比作什么？好在哪里？</li></ol>
      <h2>木棉观察记录</h2><table><tr><th>日期<th>叶<th>花<th>果<th>画一画</tr>{"".join(f"<tr><td>{m}<td><td><td><td></tr>" for m in ("二月","三月","四月","五月","十月"))}</table>
      <footer><b>答案</b>　1. 先开花，“花比叶子先到”。　2. 树干高大直立，总要长得比旁边的树高。　3. 木棉的棉絮是果实里的长毛，短而滑，不好纺线，常用来做填充；棉花的纤维是棉籽上的毛，能纺线织布。　4. 把飞舞的棉絮比作雪；写出了白、轻、多，又说“不冷”，点出时候是五月。</footer>"""
    web.pdf(FILES / "木棉，英雄的树 阅读.pdf", "木棉，英雄的树", body, f"""body{{font-size:15.5px;line-height:1.75;font-family:'LXGW WenKai',{web.SERIF}}} header{{display:flex;align-items:center;border-bottom:3px solid {RED};margin-bottom:8px}} header div+div{{margin-left:16px}} h1{{font-size:30px;color:{RED};line-height:1.3}} header p{{color:{GREY};font-size:14px}}
      .top{{display:flex;align-items:flex-start}} .top svg{{flex:none;margin:26px 0 0 14px}} article p{{text-indent:2em;margin-bottom:3px}} b{{color:{RED}}} u{{text-decoration-color:#F2B84A;text-underline-offset:4px}} h2{{font-size:19px;color:{RED};margin:8px 0 2px}} ol{{padding-left:24px}} table{{width:100%}} td,th{{border:1px solid #A79F98;height:29px;text-align:center;width:26%}} td:first-child,th:first-child{{width:11%;background:{RED_TINT}}} td:last-child{{width:30%}} footer{{margin-top:8px;font-size:12.5px;color:{GREY};line-height:1.6}}""", margin="12mm 16mm")


def make():
    waste()
    silk_road()
    third_front()
    contours()
    river()
    kapok()
