"""The words that decide whether two similar headlines tell the same: written by us, both languages. Pure."""

from __future__ import annotations

from typing import Final

OPPOSITES: Final[tuple[tuple[str, str], ...]] = (
    (
        "rise rises rose rising gain gains gained higher up jump jumps jumped surge surges surged soar soars "
        "soared climb climbs climbed rally rallies rallied rebound rebounds rebounded advance advances "
        "advanced increase increases increased raise raises raised raising lift lifts lifted hike hikes hiked "
        "boost boosts boosted grow grows grew growth expand expands 上涨 大涨 涨停 上升 增长 增加 增 上调 提高 "
        "走高 攀升 飙升 回升 反弹 收涨 高开 加息 升 涨",
        "fall falls fell falling drop drops dropped lower lowers lowered down slide slides slid slump slumps "
        "slumped plunge plunges plunged sink sinks sank tumble tumbles tumbled decline declines declined "
        "decrease decreases decreased cut cuts cutting slash slashes slashed trim trims trimmed reduce reduces "
        "reduced dip dips dipped shrink shrinks shrank shed sheds retreat retreats contract contracts 下跌 "
        "大跌 跌停 下降 下滑 减少 减 下调 降低 走低 下挫 暴跌 回落 跳水 收跌 低开 降息 降准 降 跌",
    ),
    (
        "beat beats beating beaten top tops topped exceed exceeds exceeded surpass surpasses above 超预期 "
        "高于预期 好于预期 超出预期",
        "miss misses missed lag lags lagged trail trails below short 不及预期 低于预期 逊于预期 差于预期",
    ),
    (
        "profit profits earnings 盈利 净利 扭亏 盈",
        "loss losses 亏损 净亏 预亏 转亏 亏",
    ),
    (
        "upgrade upgrades upgraded overweight outperform 调高 增持 买入",
        "downgrade downgrades downgraded underweight underperform 调低 减持 卖出",
    ),
    (
        "buy buys buying bought acquire acquires acquired purchase 收购 购买 回购",
        "sell sells selling sold divest divests divested 出售 转让 抛售",
    ),
    (
        "approve approves approved approval accept accepts accepted back backs backed support supports allow "
        "allows clears 批准 通过 获批 同意 支持 接受",
        "reject rejects rejected rejection block blocks blocked oppose opposes opposed veto vetoes ban bans "
        "否决 驳回 拒绝 反对 未通过 禁止",
    ),
    (
        "win wins won winning 胜诉 赢得 中标",
        "lose loses lost losing 败诉 输掉 落标",
    ),
    (
        "start starts started begin begins began resume resumes resumed launch launches launched 启动 开始 "
        "恢复 复牌 重启",
        "halt halts halted suspend suspends suspended stop stops stopped end ends ended 停止 暂停 中止 停牌 叫停",
    ),
    (
        "open opens opened reopen reopens 开业 开放",
        "close closes closed shut shuts 关闭 关停 停业",
    ),
    (
        "join joins joined enter enters add adds added hire hires hired 加入 进入 上任 聘任",
        "leave leaves left exit exits quit quits quitting depart departs fire fires fired resign resigns 退出 "
        "离职 辞职 撤出",
    ),
    (
        "strong stronger better improve improves improved bullish optimistic 强劲 改善 看好 看多 乐观",
        "weak weaker worse worsen worsens bearish pessimistic 疲软 恶化 看淡 看空 悲观",
    ),
    (
        "surplus inflow inflows 顺差 流入 净买",
        "deficit outflow outflows 逆差 流出 净卖",
    ),
    (
        "ease eases eased easing loosen 放松 宽松 放宽",
        "tighten tightens tightened tightening 收紧 从紧",
    ),
    (
        "北向 沪股通 深股通",
        "南向 港股通",
    ),
    (
        "创业板",
        "科创板",
    ),
    (
        "早盘 开盘 盘初",
        "午后 尾盘 收盘",
    ),
    (
        "guilty 有罪",
        "acquitted innocent 无罪",
    ),
    (
        "confirm confirms confirmed 证实 确认",
        "deny denies denied denying denial refute refutes refuted 否认 辟谣 不实",
    ),
)
"""Each pair is an axis, its sides written as words of English and of Chinese."""

_SPELLINGS_ZH: Final = {
    "": "预计 筹划 正在 正 事项 公告称 公告 公司 业绩快报 快报 业绩 重大资产 重大 目前 同比 合计 项目 关于 约 左右",
    "净利": "归母净利润 归母净利 归属净利润 净利润",
    "增": "增长 预增 大增",
    "降": "下降 预降 下滑 减少 预减",
    "亏损": "净亏损 预亏 净亏",
    "拟": "计划 准备 有意",
    "收购": "购买 购入",
    "不超": "不超过 不多于 不逾 至多 最多 不高于",
    "未通过": (
        "未过会 未获得证监会审核通过 未通过证监会审核 未获证监会通过 未获通过 遭证监会否决 被证监会否决 遭否决 被否决 "
        "遭否 被否"
    ),
    "以": "耗资 斥资",
    "实控人": "实际控制人",
    "年": "年度 年报 全年",
    "超": "超过",
    "派": "派现 派送 派息",
    "投建": "投资建设",
    "股": "股票",
    "股份": "股份有限公司",
    "停牌": "起停牌",
    "复牌": "起复牌",
    "前三季": "前三季度",
    "子公司": "子公司 全资子公司 控股子公司",
}
SHORT_ZH: Final = {word: short for short, words in _SPELLINGS_ZH.items() for word in words.split()}
"""What Chinese headlines write in several ways or leave out."""

NEGATIONS: Final = frozenset(
    (
        "not no never without cannot nor neither wont dont doesnt isnt wasnt cant didnt hasnt havent wouldnt "
        "arent couldnt shouldnt fail fails failed unable refuse refuses refused unlikely nothing none"
    ).split()
)
NEGATIONS_ZH: Final = "未 没 不 无 非 并非 尚未 拒".split()
NO_NEGATIONS_ZH: Final = (
    "不超过 不超 不低于 不少于 不高于 不足 不断 不仅 不良 不动产 不锈钢 不确定 不同 不过 不久 未来 无锡 无人 "
    "无线 无形 无忧 无疑 非洲 非银 非公开 非经常性 非农 非凡 没收 不及预期 未通过 无罪 不实 拒绝 "
    "不及时 不充分 不规范 不排除 不含"
).split()
"""Where the character negates nothing, or is part of a word above."""

FIRM_ENDS_ZH: Final = "科技 集团 银行 证券 保险 电子 医药 生物 能源 控股 汽车 电力 环保 传媒 地产 制药 化工 新材"
"""With which names of Chinese companies end."""

TAPE_ZH: Final = (
    r"日内 短线 现报 收报 盘前 盘初 盘中 尾盘 开盘 收盘 午后 早盘 夜盘 流入 流出 净买 净卖 涨[超近约逾停幅] "
    r"跌[超近约逾停幅] 涨\s?\d 跌\s?\d 拉升 走高 走低 期货 指数 股指 收益率 汇率 板块 概念股 确诊 病例 感染者 "
    r"核酸 成交额 兑美元 评级 目标价 逆回购"
)
"""Words of the tape and of daily counts, which come in one form with other figures: expressions."""

NO_COMPANY_ZH: Final = (
    "据 外媒 俄媒 美媒 市场 消息 国家 国务 央行 证监 银保监 美国 英国 德国 法国 日本 韩国 俄罗斯 欧洲 欧盟 欧元 "
    "土耳其 印度 波兰 哈萨克斯坦 美联储 美元 美股 港股 北向 南向 沪深 沪指 深证 上证 深交所 上交所 港交所 人民币 "
    "世卫 高盛 摩根 花旗 瑞银 瑞信 野村 汇丰 伯恩斯坦 伦敦 涉嫌"
)
"""With which headlines begin that no company makes."""

NO_COMPANY_ENDS_ZH: Final = "部 委 会 局 院 署 所 厅 办 府 社 国 省 市 总统 总理 首相 主席 行长 央行 媒体 官员 分析师"
"""With which names end that speak of many things in a day."""

PLACES_ZH: Final = (
    "北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 "
    "贵州 云南 陕西 甘肃 青海 广西 西藏 宁夏 新疆 内蒙古 西安 南京 深圳 广州 香港 澳门 台湾"
)
"""With which headlines begin that tell of places, as names of companies do."""

COMPANY_ZH: Final = (
    r"公司 股 净利 利润 营收 业绩 亏损 扭亏 盈利 减持 增持 回购 重组 停牌 复牌 收购 并购 合同 中标 订单 定增 募资 "
    r"质押 签署 签订 协议 合作 投建 上市 年报 季报 派 转让 冻结 立案 停产 投产 产销 销量 获批 诉讼 董事 总经理 "
    r"实控人 可转债 减值 举牌 子公司 增资 项目 客户 拟 增[超近逾]?\s?\d 降[超近逾]?\s?\d 下修 上修 警示 投资\s?\d "
    r"分红 分配"
)
"""Words of which the notice of a company has one, and what a central banker says has none: expressions."""

REPORTS_ZH: Final = "年报 一季报 半年报 中报 三季报 季报 业绩快报 快报 业绩预告"
"""What stands between a company's name and the colon."""

PLAIN_ZH: Final = "公司 股份 拟 将 的 及 与 和 等 其 为 在 起 至 元"
"""What stands in any notice."""

DENIALS: Final = frozenset(
    ("deny denies denied denying denial refute refutes refuted dismiss dismisses dismissed").split()
)
DENIALS_ZH: Final = "否认 辟谣 不实 澄清 不属实".split()

STAGES: Final[tuple[str, ...]] = (
    "pricing prices priced 定价",  # of an offering: see OFFERED
    "completes completed complete completion closing closes closed 完成",
    "terminates terminated terminate termination withdraws withdrawn withdraw cancels canceled cancelled "
    "cancel scraps scrapped abandons 终止 撤回 取消 放弃",
    "delays delayed delay postpones postponed postpone 推迟 延期",
    "recalls recalled recall 召回",
    "amends amended amend amendment 修订",
    "问询函 关注函 问询",
    "涨停 跌停 涨超 涨近 涨逾 涨约 跌超 跌近 跌逾 跌约 高开 低开 盘前 盘初",
)
"""How far a thing has come: an offering, its price and its end are three events under nearly one headline."""

OFFERED: Final = frozenset("offering offerings notes ipo placement bonds 定增 发行".split())
"""Prices are a stage where something is offered, and else what oil has."""

TRADE_AXIS: Final = 4
"""Of OPPOSITES: "A buys it from B" and "B sells it to A" are one deal."""

COLUMNS: Final = (
    "factors to watch|press digest|deals of the day|market chatter|morning news call|week ahead diary|diary|"
    "mergers and takeovers|research roundup|"
    "早间新闻|早报|晚报|要闻精选|要闻汇总|公告精选|公告汇总|龙虎榜|财经日历|今日提示"
)
"""Titles of columns: they come every day under one name, with other news in them."""

DIRECTED: Final = frozenset(
    "buy buys acquire acquires sue sues beat beats top tops overtake overtakes owes pays".split()
)
DIRECTED_ZH: Final = "收购 起诉 超越 控股 入股 增持 举报".split()
"""Who does it to whom: the same words with the sides changed tell the opposite."""

COMMON: Final = frozenset(
    (
        "10 a about above access acquire acquires acquisition act adds adj adjusted after against agm agree "
        "agreement agrees aims all also amends amid among an and announced announcement announces another any "
        "appoints apr april are as at aug august authorizes award awards backs balance bancorp bank banks "
        "basic be beats been before begins behind bid big bigger billion bln bn board boost boosts both brings "
        "business but buy buyback buys by call calls can capital cash ceo cfo chairman chief chip class climb "
        "climbs comment common company completes completion compliance conference confirms continues "
        "convertible corp could court credit deal debt dec december declares definitive demand diluted dip "
        "dips director disclosed dividend do does drag drags drop drops due earnings edge edges energy enters "
        "eps estimates exec executive expands expect expected expects extends faces facility fall falls fda "
        "feb february files filing final financial first fiscal five flat for forecast forecasts four friday "
        "from full fund funds fy gaap gain gains gets gives global go group growth guidance h1 h2 had has have "
        "he head help helps her high higher his hit hits holders holding holdings how if in inc income "
        "increase increased increases industry initiates international into investment investor investors ipo "
        "is issues it its jan january job jobs joins judge jul july jump jumps jun june k key lead leads least "
        "less lift lifts likely limited listed listing llc loan long loss losses lower ltd made major make "
        "makes mar march margin market markets may meeting merger midday million mixed mln mn monday months "
        "more most named names near nears net new news next non notes nov november now oct october of off "
        "offer offered offering offers official on one opens operating orders our out outlook output over "
        "paper pay pays pct per percent pharma pharmaceuticals plan plans plc plea posts potential pre "
        "preliminary premarket presents president price prices pricing probe product production profit program "
        "progress project proposed prospectus provides public purchase q q1 q2 q3 q4 qtr qtrly quarter "
        "quarterly raises rate reaches receives recent record regains regulator related release released "
        "report reported reports repurchase repurchases resources respect results revenue revenues review rise "
        "rises said sale sales saturday saw say saying says sec second secondary secures sees sell sells "
        "senior sep sept september session sets several share shareholder shareholders shares she shelf should "
        "signs since size slide slides slip slips slump slumps soar soars sold some source sources special st "
        "stake states step still stock street strong submits subsidiary such sued suit sunday supplement surge "
        "surges systems take takes talks target targets tax technologies term than that the their them "
        "therapeutics they third this thousand three through thursday time timely to today top trade trading "
        "trillion trust tuesday tumble tumbles two under underwritten undisclosed unit up update updates us "
        "use versus via view views vs wall wants was we weak wednesday week weigh weighs were what when which "
        "while who will win with work would year years yen you yoy"
    ).split()
)
"""Words that name nobody, as they stand in titles in capitals."""
