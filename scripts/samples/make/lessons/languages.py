"""语文、英语: a lesson plan, writing guidance, character cards, telling the time, letters."""

import math

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

from kit import AUTHOR, BLUE, FILES, GREEN, GREY, INK, RED, STORY, slides, web, word

KAI = "/usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf"


def plan_poem():
    w = word.Word("古诗《暮江吟》", "语文　四年级上册　古诗三首　教学设计（1 课时）", "语文 四年级上册", "暮江吟, 白居易, 古诗", colour="#96290C")
    w.p("**暮江吟**", "〔唐〕白居易", "一道残阳铺水中，半江瑟瑟半江红。", "可怜九月初三夜，露似真珠月似弓。", align="center")
    w.h1("一、学习目标")
    w.items("认识“吟、瑟”等生字，会写“暮、吟”；读准“似（sì）”。", "有感情地朗读，背诵，默写。", "借助注释和想象，说出诗中两幅画面：夕阳下的江面，新月下的草地。", "体会“铺”字用得好在哪里。")
    w.h1("二、教学过程")
    w.table([["步骤", "怎样教", "预设与提醒"],
             ["入题\n3 分钟", "板书“暮”：太阳落到草丛里，天色已晚。“吟”是古诗的一种。连起来，题目的意思是？", "在黄昏的江边吟成的诗。“暮”的下面是“日”，不要写成“目”。"],
             ["初读\n7 分钟", "自由读三遍；指名读；师生对读，前四字后三字断开：一道残阳／铺水中。", "“瑟瑟”读轻读慢；“似”不读 shì。"],
             ["想画面\n14 分钟", "圈出诗里的景物：残阳、江水、露、月。分两组：前两句是什么时候？后两句呢？把看到的画下来或说出来。", "前两句是傍晚，后两句是初三的夜晚。“瑟瑟”在这里指碧绿色，不是发抖。"],
             ["品一字\n8 分钟", "为什么不说“照水中”，要说“铺水中”？拿一张红纸平平地斜放在桌上，看看夕阳的光是从哪里来的。", "夕阳接近地平线，光几乎贴着水面，所以是“铺”；给人平缓、柔和的感觉。"],
             ["悟心情\n5 分钟", "“可怜”的意思是可爱。诗人为什么觉得这一夜可爱？", "由景到情：安宁、喜爱。只说到这里，不拔高。"],
             ["背诵\n3 分钟", "看自己画的图背；同桌互背。", "能背的到黑板默写前两句。"]],
            [1.9, 8.2, 6.3], centre=(0,))
    w.h1("三、板书")
    w.table([["傍晚", "残阳　铺　水中　　　半江瑟瑟（碧绿）半江红", "喜爱"], ["夜晚", "露似真珠　　月似弓（初三，新月弯弯）", "安宁"]], [2.2, 10.8, 3.4], head=False, first_bold=True, size=12, centre=(0, 2))
    w.page_break()
    w.h1("四、作业")
    w.items("背诵并默写《暮江吟》。", "傍晚到金沙江、安宁河或家门口的水边看一看：夕阳落下时，水面有几种颜色？用两三句话写下来。", "选做：找一首也写到月亮的古诗，读给家里人听。")
    w.h1("五、检测与答案")
    w.table([["题目", "答案"], ["“可怜九月初三夜”的“可怜”是什么意思？", "可爱。"], ["“半江瑟瑟半江红”中，江面为什么有两种颜色？", "受到夕阳照射的江面是红色的，照不到的地方是碧绿色的。"], ["“露似真珠月似弓”把什么比作什么？", "把露水比作珍珠，把弯弯的新月比作弓。"]], [9, 7.4])
    w.save(FILES / "古诗《暮江吟》教案.docx")


def diary():
    k = slides.Deck("习作：写观察日记", "语文 四年级上册", "习作, 观察日记, 连续观察", colour="#2A6A3B")
    k.slide("写观察日记", bar=False, ground="#F4F1E8", title_box=(0.9, 2.2, 8, 1.2), title_size=54, title_colour=GREEN, notes="提前一周布置：每组种一杯绿豆，或选定一样东西连续看。没有看过，就没有日记。")
    k.text(0.95, 3.5, 8, 0.6, "语文　四年级上册　习作指导", size=22, colour=GREY)
    k.poly([(9.4, 5.6), (9.75, 6.6), (11.45, 6.6), (11.8, 5.6)], fill="#C98A5A", line="#8A5A2B")
    k.poly([(10.58, 5.6), (10.5, 4.6), (10.64, 3.7)], line=GREEN, width=6, closed=False)
    k.poly([(10.62, 3.8), (9.9, 3.7), (9.4, 3.1), (10.1, 3.0), (10.55, 3.4)], fill="#8CC28F", line=GREEN)
    k.poly([(10.66, 3.8), (11.3, 3.6), (11.9, 2.9), (11.1, 2.85), (10.7, 3.3)], fill="#8CC28F", line=GREEN)
    k.slide("比一比：哪一篇让你看得见？", "同一天，两个人的日记")
    k.box(0.8, 1.6, 5.7, 3.6, fill="#F3F2F0", shape="round")
    k.text(1.05, 1.75, 5.2, 3.3, "10 月 12 日　晴\n今天我看了绿豆，它发芽了，很可爱。我非常高兴，以后我要天天观察它。", size=24, spacing=1.3)
    k.box(6.9, 1.6, 5.7, 3.6, fill="#E4F0E5", shape="round")
    k.text(7.15, 1.75, 5.2, 3.3, "10 月 12 日　晴\n绿皮裂开一条缝，钻出一截白芽，有半粒米长，弯着，像个小钩子。凑近闻，有一点生豆子的气味。", size=24, spacing=1.3)
    k.text(0.8, 5.6, 11.8, 1.2, "右边写了：**样子、大小、像什么、气味**。别人没看过，也能想出来。", size=26)
    k.slide("用上你的五样本领", "看　摸　闻　听　量")
    for i, (a, b) in enumerate((("看", "颜色、形状，和昨天比有什么变化"), ("摸", "软的硬的，光滑的毛糙的"), ("闻", "青草味、泥土味、还是没有气味"), ("听", "蚕吃桑叶的沙沙声，蟋蟀的叫声"), ("量", "用尺子量，用天数算：三天长了 2 厘米"))):
        y = 1.55 + i * 1.02
        k.box(0.9, y, 1.0, 0.8, fill=GREEN, text=a, size=26, colour="#FFFFFF", bold=True, shape="round")
        k.text(2.2, y, 10, 0.8, b, size=25, anchor="m")
    k.text(0.9, 6.72, 11.5, 0.5, "不要尝不认识的植物，不要捉有毒的虫。", size=20, colour=RED)
    k.slide("先记录，再写日记", "这张表每天只要两分钟", notes="表里留一行空着让学生填自己的。")
    k.table(0.8, 1.6, [1.9, 1.6, 4.6, 3.7], [["日期", "长度", "看到的变化", "想到的、问题"], ["10 月 10 日", "—", "豆子胀大了，皮皱起来", "水去哪儿了？"], ["10 月 12 日", "半粒米", "皮裂开，白芽弯成小钩", "为什么先长根？"], ["10 月 15 日", "3 cm", "芽变长，顶上是两瓣豆", "向着窗子弯了"], ["", "", "", ""]], size=20, row_h=0.78)
    k.text(0.8, 5.85, 11.8, 1, "写的时候选**有变化的几天**，没有变化的日子可以略过。", size=26)
    k.slide("格式和评一评", "写完自己先打星")
    k.box(0.8, 1.55, 6.0, 2.6, line=GREEN, width=2)
    k.text(1.0, 1.65, 5.6, 2.4, "10 月 15 日　星期四　　多云\n　　今天芽已经长到 3 厘米。", size=24, spacing=1.4)
    k.text(7.2, 1.6, 5.5, 2.4, "第一行：日期、星期、天气。\n正文：另起一行，空两格。\n可以配一幅图、一张表。", size=24, spacing=1.4)
    k.table(0.8, 4.5, [9.0, 2.8], [["我做到了吗", "打星"], ["写出了变化（至少两天）", "☆ ☆ ☆"], ["写出了细节，别人能想象", "☆ ☆ ☆"], ["写了自己的想法或问题", "☆ ☆ ☆"]], size=20, row_h=0.6)
    k.save(FILES / "习作《写观察日记》课件.pptx")


def cards():
    red, water, blue = "#C23B16", "#2A7489", "#135E78"
    old = {"日": '<circle cx=50 cy=50 r=34 /><circle cx=50 cy=50 r=4 fill="currentColor"/>', "月": '<path d="M62 14C34 22 22 56 44 84C40 66 46 34 62 14ZM48 46L54 58"/>',
           "水": '<path d="M52 12C36 30 68 44 50 60C38 72 56 82 48 90M28 24l6 12M24 56l8 12M72 26l-6 12M78 58l-8 10"/>',
           "火": '<path d="M50 12C62 30 60 40 50 52C42 40 40 28 50 12M24 42C30 54 30 62 38 70M76 42C70 54 70 62 62 70M24 84C40 74 60 74 76 84"/>',
           "山": '<path d="M8 84L26 44L36 62L50 16L64 62L76 40L92 84Z"/>', "石": '<path d="M20 18H84M40 18C36 44 28 60 16 74M40 48H78V84H40Z"/>',
           "田": '<path d="M14 18H86V82H14ZM50 18V82M14 50H86"/>', "禾": '<path d="M50 22V90M50 40C40 38 28 46 22 58M50 40C60 38 72 46 78 58M50 66C42 70 32 80 26 88M50 66C58 70 68 80 74 88M50 22C44 12 32 12 26 22"/>'}
    new = {"日": '<circle cx=50 cy=54 r=24 fill="#F0A040"/>' + "".join(f'<path d="M50 22V10" stroke="#F0A040" stroke-width=5 transform="rotate({a} 50 54)"/>' for a in range(0, 360, 45)),
           "月": '<rect width=100 height=100 rx=8 fill="#1F2748"/><path d="M60 18A34 34 0 1 0 82 68A28 28 0 1 1 60 18Z" fill="#F2C879"/><circle cx=80 cy=24 r=2 fill="#fff"/><circle cx=88 cy=44 r=1.6 fill="#fff"/>',
           "水": "".join(f'<path d="M4 {y}q12 -12 23 0t23 0t23 0t23 0" fill=none stroke="{water}" stroke-width=6 />' for y in (32, 52, 72)),
           "火": '<path d="M50 8C70 34 82 46 78 66C74 84 60 92 50 92C38 92 24 84 22 66C20 50 34 42 36 28C44 34 46 40 46 46C52 36 54 22 50 8Z" fill="#E4532A"/><path d="M50 54C60 66 64 72 60 80C58 86 54 88 50 88C44 88 40 84 40 78C40 70 48 66 50 54Z" fill="#F2C879"/>',
           "山": '<path d="M2 88L30 38L48 66L64 26L98 88Z" fill="#6E9A72"/><path d="M64 26L74 44L66 50L60 42L54 48Z" fill="#fff"/>', "石": '<path d="M12 84L18 54L40 38L56 46L60 84Z" fill="#A79F98"/><path d="M48 84L56 58L78 52L92 84Z" fill="#8C837B"/>',
           "田": '<rect x=8 y=14 width=84 height=72 fill="#A9CF8E"/><path d="M50 14V86M8 50H92" stroke="#8A5A2B" stroke-width=6 /><path d="M18 26h22M18 36h22M60 26h22M60 36h22M18 62h22M18 74h22M60 62h22M60 74h22" stroke="#4E8A4A" stroke-width=3 />',
           "禾": '<path d="M50 94C48 60 50 40 60 16" fill=none stroke="#4E8A4A" stroke-width=5 />' + "".join(f'<ellipse cx={x} cy={y} rx=7 ry=4 fill="#E0B040" transform="rotate({r} {x} {y})"/>' for x, y, r in ((64, 18, 60), (72, 24, 50), (66, 30, 40), (76, 36, 60), (54, 26, 120), (68, 44, 50))) + '<path d="M49 70C38 60 30 58 20 60M50 80C62 66 72 66 82 70" fill=none stroke="#4E8A4A" stroke-width=5 />'}
    pinyin = dict(日="rì", 月="yuè", 水="shuǐ", 火="huǒ", 山="shān", 石="shí", 田="tián", 禾="hé")
    words = dict(日="日出　日子", 月="月亮　月光", 水="河水　水果", 火="火山　小火", 山="大山　山上", 石="石头　石山", 田="水田　田地", 禾="禾苗　禾田")
    grid = '<path d="M0 0H100V100H0Z" stroke-width=2 /><path d="M50 0V100M0 50H100" stroke-dasharray="4 3"/>'
    cards_ = "".join(f"""<section><div class=top><svg viewBox="0 0 100 100" width=92 height=92>{new[z]}</svg><b>→</b>
      <svg viewBox="0 0 100 100" width=92 height=92 fill=none stroke="currentColor" stroke-width=5 stroke-linecap=round stroke-linejoin=round style="color:#8A5A2B">{old[z]}</svg></div>
      <div class=bottom><div class=char><svg viewBox="-1 -1 102 102" width=118 height=118 fill=none stroke="#D9A08C">{grid}</svg><i>{z}</i></div><div><p class=py>{pinyin[z]}</p><p class=w>{words[z]}</p></div></div></section>""" for z in old)
    web.pdf(FILES / "日月水火 识字卡片.pdf", "日月水火 识字卡片", f"<h1>日月水火　识字卡片<small>一年级上册　沿边线剪开，一面是画，一面可以背面默写</small></h1><main>{cards_}</main>"
            "<footer>玩法：① 看画猜字；② 两人翻牌配对；③ 说一个带这个字的词。中间是照古字的样子画的简笔图，帮助记忆，不要求会写。</footer>", f"""
      body{{font-family:'LXGW WenKai',{web.SANS}}} h1{{font-size:22px;color:{red};margin-bottom:8px}} h1 small{{font-size:13px;color:#5A514B;font-weight:400;margin-left:16px}}
      main{{display:flex;flex-wrap:wrap;justify-content:space-between}} section{{width:49%;border:1.5px dashed #8C837B;padding:10px 16px;margin-bottom:9px;height:232px}}
      .top{{display:flex;align-items:center;justify-content:space-around}} .top b{{color:#8C837B;font-size:20px}} .bottom{{display:flex;align-items:center;gap:18px;margin-top:6px}}
      .char{{position:relative;width:118px;height:118px}}.char i{{position:absolute;inset:0;font-style:normal;font-size:96px;line-height:114px;text-align:center}} .py{{font-size:26px;color:{blue}}} .w{{font-size:22px;margin-top:8px}}
      footer{{font-size:13px;color:#5A514B}}""", margin="10mm 13mm")


def clock(k, cx, cy, r, hour, minute):
    k.box(cx - r, cy - r, 2 * r, 2 * r, fill="#FFFFFF", line=INK, width=4, shape="oval")
    for n in range(1, 13):
        a = math.radians(n * 30 - 90)
        k.text(cx + 0.8 * r * math.cos(a) - 0.5, cy + 0.8 * r * math.sin(a) - 0.25, 1.0, 0.5, str(n), size=max(11, round(r * 12)), align="c", anchor="m", bold=n % 3 == 0)
    for angle, length, width, colour in ((hour * 30 + minute / 2, 0.45, 6, INK), (minute * 6, 0.62, 4, RED)):
        a = math.radians(angle - 90)
        k.line(cx, cy, cx + length * r * math.cos(a), cy + length * r * math.sin(a), colour=colour, width=width)
    k.box(cx - 0.07, cy - 0.07, 0.14, 0.14, fill=INK, shape="oval")


def time_english():
    k = slides.Deck("What time is it? 看钟表说时间", "英语 四年级下册", "what time, o'clock, 时间, 作息")
    k.slide("What time is it?", bar=False, ground="#FFF8EC", title_box=(0.9, 2.3, 7.5, 1.2), title_size=54, title_colour=RED, notes="Warm-up: clap hands and count from one to sixty by fives: five, ten, fifteen… This helps pupils to read the minute hand.")
    k.text(0.95, 3.6, 7, 1, "看钟表说时间\n英语　四年级下册", size=24, colour=GREY)
    clock(k, 10.2, 3.75, 2.3, 7, 0)
    k.slide("It's … o'clock.", "整点：分针指着 12")
    for i, h in enumerate((6, 9, 12, 3)):
        clock(k, 2.1 + i * 3.05, 3.0, 1.25, h, 0)
        k.text(0.7 + i * 3.05, 4.45, 2.8, 0.6, f"It's {['six', 'nine', 'twelve', 'three'][i]} o'clock.", size=22, align="c")
    k.text(0.9, 5.5, 11.5, 1.2, "A: What time is it?\nB: It's **nine o'clock**. It's time for **English class**.", size=26)
    k.slide("It's seven thirty.", "先说小时，再说分钟")
    for i, (h, m, words) in enumerate(((7, 30, "seven thirty"), (10, 5, "ten-oh-five"), (11, 45, "eleven forty-five"), (4, 20, "four twenty"))):
        clock(k, 2.1 + i * 3.05, 3.0, 1.25, h, m)
        k.text(0.6 + i * 3.05, 4.4, 3.0, 0.6, f"{h}:{m:02}", size=26, align="c", bold=True, colour=RED)
        k.text(0.5 + i * 3.05, 4.95, 3.2, 0.6, words, size=22, align="c")
    k.text(0.9, 6.0, 11.5, 0.8, "short hand 短针 = hour 时　　long hand 长针 = minute 分", size=24, colour=GREY)
    k.slide("It's time for … / It's time to …", "for 后面接名词，to 后面接动作")
    k.table(0.9, 1.6, [2.2, 4.6, 4.7], [["Time", "It's time for …", "It's time to …"], ["6:40", "breakfast", "have breakfast"], ["8:30", "English class", "go to English class"], ["12:00", "lunch", "have lunch"], ["2:30", "music class", "go to music class"], ["6:00", "dinner", "have dinner"], ["9:00", "bed", "go to bed"]], size=22, row_h=0.62)
    k.text(0.9, 6.25, 11.5, 0.7, "It's 12:00. It's time for **lunch**. = It's time to **have lunch**.", size=26)
    k.slide("Let's chant", "拍手念：重音在加粗的词上")
    k.text(1.6, 1.5, 10, 5, "**Tick tock**, **tick tock**, says the **clock**.\nWhat **time** is it? It's **six** o'**clock**.\nTime to get **up**, the **sky** is **blue**.\nThe **kapok** tree says **hi** to **you**.\n\n**Tick tock**, **tick tock**, says the **clock**.\nWhat **time** is it? It's **nine** o'**clock**.\nTime to go to **bed**, the **moon** is **bright**.\n**Good** night, **good** night, **good** **night**.", size=26, spacing=1.2)
    k.slide("Pair work", "两人一问一答，把表填完", notes="Pupil A covers the right column; Pupil B covers the left column. They ask each other and fill in. Answers are free.")
    k.table(0.9, 1.6, [3.8, 3.8, 3.9], [["What time do you …?", "Me", "My friend"], ["get up", "", ""], ["have breakfast", "", ""], ["go to school", "", ""], ["go home", "", ""], ["go to bed", "", ""]], size=22, row_h=0.68)
    k.text(0.9, 6.0, 11.5, 1, "A: What time do you **get up**?　　B: At **six thirty**. What about you?", size=26)
    k.save(FILES / "What time is it 看钟表说时间.pptx")


def letters():
    pdfmetrics.registerFont(TTFont("Kai", KAI))
    c = canvas.Canvas(str(FILES / "英语字母书写练习（四线三格）.pdf"), pagesize=A4, invariant=1)
    c.setTitle("英语字母书写练习（四线三格）")
    c.setAuthor(AUTHOR)
    c.setCreator(AUTHOR)
    c.setSubject("英语 三年级 26 个字母的书写")
    c.setKeywords("字母, 书写, 四线三格")
    words = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "apple bag cat dog egg fish girl hand ice jam kite leg milk nose orange pen queen ruler school tree umbrella vest water box yellow zoo".split()))
    for page, part in enumerate(("ABCDEFGHIJKLM", "NOPQRSTUVWXYZ")):
        c.setFillColor(HexColor(BLUE))
        c.setFont("Kai", 19)
        c.drawString(18 * mm, 277 * mm, "英语字母书写练习")
        c.setFont("Kai", 10.5)
        c.setFillColor(HexColor(GREY))
        c.drawString(80 * mm, 277.6 * mm, f"{part[0]}–{part[-1]}　大写上两格，小写看位置；照着灰色描一描，再自己写")
        for row, big in enumerate(part):
            top, gap = (265 - row * 19.4) * mm, 4 * mm
            for n in range(4):
                c.setStrokeColor(HexColor("#C23B16" if n == 2 else "#9DB8C0"))
                c.setLineWidth(0.9 if n == 2 else 0.5)
                c.line(18 * mm, top - n * gap, 192 * mm, top - n * gap)
            base = top - 2 * gap
            # WenKai's capitals are 0.69 of the size: two rows (8 mm) give 32.9 pt.
            size = 2 * gap / 0.69
            for col in range(7):
                c.setFillColor(HexColor(INK if col == 0 else "#C9C3BE"))
                if col < 4:
                    c.setFont("Kai", size)
                    c.drawString((20 + col * 23) * mm, base, f"{big}{big.lower()}")
            c.setFillColor(HexColor(INK))
            c.setFont("Kai", size)
            c.drawString(116 * mm, base, words[big])
        c.setFillColor(HexColor(GREY))
        c.setFont("Kai", 9.5)
        c.drawString(18 * mm, 10 * mm, "红线是基线：字母的“脚”站在红线上；g j p q y 的尾巴伸到最下一格。" + ("" if page == 0 else "　字母 X 的词例是 box，x 在词尾。"))
        c.showPage()
    c.save()


def plan_story():
    w = word.Word("《木棉花开的时候》", "语文　四年级　阅读与表达　教学设计（1 课时，乡土阅读）", "语文 四年级", "木棉, 写景, 乡土阅读", colour=RED)
    w.h1("一、短文")
    w.p("三月，江边的木棉先开花，后长叶。光秃秃的枝上，一朵一朵，红得像刚点着的小炉子。", "奶奶不许我摘，她说，掉下来的才是给我们的。清早，我提着竹篮去捡，花落在地上，“啪”的一声，很响，像有人在背后轻轻喊我的名字。",
        "捡满一篮，奶奶把花蕊抽出来，串成一串，挂在屋檐下晒。她说花蕊煮汤，可以想起去年的春天。我不懂，汤怎么会想事情呢？", "后来我到城里上学，三月里闻见路边的木棉，忽然就想起那个声音，想起**屋檐下晒着一小串去年的春天**。", indent=True)
    w.h1("二、学习目标")
    w.items("正确、流利地朗读，读出“啪”的一声带来的停顿。", "找出写声音、颜色、气味的句子，体会用几种感官写景的好处。", "仿照短文，写一种家乡的植物，不少于三句。")
    w.h1("三、教学过程")
    w.table([["环节", "教师活动", "学生活动"],
             ["看花\n5 分钟", "出示木棉实物或图片。问：和桃花比，它开花的时候有什么不同？", "观察，说：没有叶子，花大，花瓣厚，五瓣。"],
             ["读文\n10 分钟", "范读；指导读“啪”后停一拍。", "自由读，同桌读；画出最喜欢的一句，说理由。"],
             ["找感官\n12 分钟", "板书：眼、耳、鼻、心。请把句子放到对应的格里。", "眼：像刚点着的小炉子；耳：“啪”的一声；鼻：闻见路边的木棉；心：想起去年的春天。"],
             ["谈一谈\n5 分钟", "“汤怎么会想事情呢？”你现在懂了吗？", "说自己吃到、闻到什么，就会想起什么人、什么事。"],
             ["写一写\n8 分钟", "巡视，选两篇念。只提一个建议。", "仿写：凤凰木、三角梅、芒果、攀枝花苏铁……任选一种。"]],
            [2.1, 7.0, 7.3], centre=(0,))
    w.h1("四、评价")
    w.table([["看什么", "做到了", "再努力"], ["写了颜色或样子", "", ""], ["写了声音或气味", "", ""], ["写了它让我想起的人或事", "", ""]], [9.4, 3.5, 3.5])
    w.h1("五、课后")
    w.p("到操场捡一朵落下的木棉，数一数花瓣和花蕊，画下来，旁边写一句话。不攀枝，不折枝。", indent=True)
    w.save(STORY / "《木棉花开的时候》教学设计.docx")


def make():
    plan_poem()
    diary()
    cards()
    time_english()
    letters()
    plan_story()
