"""Chinese words that stand beside others to make another name of them: an office of elsewhere, a firm. Pure."""

from __future__ import annotations

import re
from typing import Final

_PLACES: Final = {
    "CN": "中国 我国 国家",
    "HK": "香港",
    "US": "美国 美",
    "GB": "英国 英",
    "DE": "德国 德",
    "FR": "法国",
    "JP": "日本",
    "KR": "韩国 韩",
    "RU": "俄罗斯 俄",
    "EU": "欧盟 欧洲 欧元区",
    "IN": "印度",
    "TR": "土耳其",
    "BR": "巴西",
    "CA": "加拿大",
    "AU": "澳大利亚 澳洲",
    "NZ": "新西兰",
    "CH": "瑞士",
    "SE": "瑞典",
    "NO": "挪威",
    "ZA": "南非",
    "MX": "墨西哥",
    "SG": "新加坡",
    "": (
        "台湾 澳门 意大利 西班牙 葡萄牙 希腊 爱尔兰 荷兰 比利时 奥地利 芬兰 丹麦 冰岛 波兰 捷克 匈牙利 罗马尼亚 "
        "保加利亚 塞尔维亚 克罗地亚 乌克兰 白俄罗斯 格鲁吉亚 哈萨克斯坦 塞浦路斯 马耳他 卢森堡 以色列 沙特阿拉伯 沙特 "
        "阿联酋 卡塔尔 科威特 伊朗 伊拉克 黎巴嫩 约旦 埃及 摩洛哥 突尼斯 利比亚 尼日利亚 肯尼亚 加纳 安哥拉 "
        "埃塞俄比亚 赞比亚 阿富汗 巴基斯坦 孟加拉 斯里兰卡 尼泊尔 缅甸 老挝 柬埔寨 马来西亚 印度尼西亚 印尼 菲律宾 "
        "蒙古 朝鲜 阿根廷 智利 秘鲁 哥伦比亚 委内瑞拉 厄瓜多尔 乌拉圭 巴拉圭 玻利维亚 古巴 "
        "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 "
        "贵州 云南 陕西 甘肃 青海 内蒙古 广西 西藏 宁夏 新疆 深圳 广州"
    ),
}
"""Words for places by ISO country; those without one have no office of their own in the starter list."""
_COUNTRY_OF: Final = {word: country for country, words in _PLACES.items() for word in words.split()}
_PLACE_BEFORE: Final = re.compile(
    rf"({'|'.join(sorted(_COUNTRY_OF, key=len, reverse=True))})(?:联邦|国家|省|市|自治区)?(?:[\d一二三五十]+年期)?$"
)
_OTHER_PLACE_BEFORE: Final = re.compile(r"(?:[省县州洲]|(?<![股楼救债车汇币上入退港开后])市|(?<![中我])国)的?$")
"""Any other place. Where headlines run together a market (股市, 救市) may stand before an office."""
_FIRM_AFTER: Final = re.compile(r"(?:公司|集团|股份|控股|有限|实业|勘探|地质)")
_BEFORE_CHARS: Final = 16
"""The longest of these: 哈萨克斯坦国家十年期."""


def is_of_elsewhere(text: str, start: int, country: str) -> bool:
    """Whether the name of an office, which each country and province has, stands behind another place than its own.

    土耳其财政部 is no 财政部 of China, 广东省发改委 no 发改委.
    """
    before = text[max(0, start - _BEFORE_CHARS) : start]
    found = _PLACE_BEFORE.search(before)
    return _COUNTRY_OF[found[1]] != country if found else _OTHER_PLACE_BEFORE.search(before) is not None


def is_of_a_firm(text: str, end: int) -> bool:
    """Whether a word for what is traded goes on as the name of who deals in it: 墨菲石油公司."""
    return _FIRM_AFTER.match(text, end) is not None
