"""The words of messages, in the languages in which people are told. Every language has the same keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newstide.alerting.channel import Tongue

_ENGLISH: Final = {
    "fired": "Alert",
    "resolved": "Resolved",
    "corrected": "Correction",
    "no_data": "No data",
    "system": "System",
    "digest": "Digest",
    "fired.lead": "{subject}: the rule holds.",
    "resolved.lead": "{subject}: the rule no longer holds.",
    "corrected.lead": "{subject}: something that you were told no longer holds.",
    "no_data.lead": "{subject}: there is nothing to measure. That is not a value of zero.",
    "system.lead": "{subject}: newstide itself needs attention.",
    "digest.title": "{n} alerts",
    "digest.title.one": "1 alert",
    "digest.lead": "What came since the last digest, oldest first.",
    "digest.more": "{n} more are in the inbox.",
    "severity.info": "info",
    "severity.warning": "warning",
    "severity.critical": "critical",
    "label.negative": "negative",
    "label.neutral": "neutral",
    "label.positive": "positive",
    "label.unsure": "unsure",
    "everything": "all stories",
    "rule": "Rule",
    "rule.version": "{rule} ({id}, version {version})",
    "when": "When",
    "when.window": "{at} UTC, over the {window} before",
    "when.moment": "{at} UTC",
    "why": "Why",
    "clause.holds": "holds: {clause}",
    "clause.fails": "does not hold: {clause}",
    "clause.value": "measured {value}, threshold {threshold}, {stories} independent stories",
    "clause.nothing": "nothing to measure",
    "changed": "What changed",
    "note.withdrawn": "The publisher withdrew the story.",
    "note.label": "The story was revised; its label was {0} and is now {1}.",
    "note.headline": "The story has another headline now.",
    "note.read_otherwise": "The story was revised and is read otherwise now.",
    "note.score": "The story was revised; its score was {0} and is now {1}.",
    "note.relabelled": "A person corrected the label from {0} to {1}.",
    "evidence": "Evidence",
    "evidence.counts": "{stories} stories from {sources} sources, {copies} copies",
    "evidence.story": "{title} ({source}, {at} UTC, {label} {score}, model {model})",
    "evidence.more": "{n} more stories",
    "at_source": "At the source",
    "in_dashboard": "In the dashboard",
    "open": "Open this alert",
    "footer": "You get this because you subscribe to it in newstide. newstide alerts mute ends it for a while.",
    "test.title": "newstide: test message",
    "test.text": "This channel works. Nothing has happened.",
}

_CHINESE: Final = {
    "fired": "预警",
    "resolved": "已解除",
    "corrected": "更正",
    "no_data": "无数据",
    "system": "系统",
    "digest": "摘要",
    "fired.lead": "{subject}：规则成立。",
    "resolved.lead": "{subject}：规则不再成立。",
    "corrected.lead": "{subject}：此前告知您的内容已不再成立。",
    "no_data.lead": "{subject}：没有可测量的数据。这不等于数值为零。",
    "system.lead": "{subject}：newstide 系统本身需要关注。",
    "digest.title": "{n} 条预警",
    "digest.title.one": "1 条预警",
    "digest.lead": "自上次摘要以来的内容，由早到晚。",
    "digest.more": "另有 {n} 条在收件箱中。",
    "severity.info": "提示",
    "severity.warning": "警告",
    "severity.critical": "严重",
    "label.negative": "负面",
    "label.neutral": "中性",
    "label.positive": "正面",
    "label.unsure": "不确定",
    "everything": "全部新闻",
    "rule": "规则",
    "rule.version": "{rule}（{id}，第 {version} 版）",
    "when": "时间",
    "when.window": "{at} UTC，此前 {window} 之内",
    "when.moment": "{at} UTC",
    "why": "原因",
    "clause.holds": "成立：{clause}",
    "clause.fails": "不成立：{clause}",
    "clause.value": "测得 {value}，阈值 {threshold}，独立新闻 {stories} 条",
    "clause.nothing": "没有可测量的数据",
    "changed": "变化",
    "note.withdrawn": "发布方撤回了这条新闻。",
    "note.label": "新闻已修订，标签由{0}变为{1}。",
    "note.headline": "新闻的标题已更改。",
    "note.read_otherwise": "新闻已修订，解读与此前不同。",
    "note.score": "新闻已修订，评分由 {0} 变为 {1}。",
    "note.relabelled": "人工将标签由{0}更正为{1}。",
    "evidence": "依据",
    "evidence.counts": "{stories} 条新闻，{sources} 个来源，{copies} 份转载",
    "evidence.story": "{title}（{source}，{at} UTC，{label} {score}，模型 {model}）",
    "evidence.more": "另有 {n} 条新闻",
    "at_source": "查看原文",
    "in_dashboard": "在看板中查看",
    "open": "查看此预警",
    "footer": "您在 newstide 中订阅了此内容。newstide alerts mute 可暂时停止。",
    "test.title": "newstide:测试消息",
    "test.text": "此渠道可用，没有发生任何事情。",
}

LANGUAGES: Final[Mapping[Tongue, Mapping[str, str]]] = {"en": _ENGLISH, "zh": _CHINESE}


def say(language: Tongue, key: str, **values: object) -> str:
    """The words of a key. Values are put in as they are: what is outside text must be clean already."""
    return LANGUAGES[language][key].format(**values)


def note_words(language: Tongue, note: str) -> str:
    """What changed, as `correcting` notes it: a word, and what it was and is. Any other note stays as it is."""
    word, *values = note.split(":")
    words = LANGUAGES[language]
    if f"note.{word}" not in words:
        return note
    labels = {label: words[f"label.{label}"] for label in ("negative", "neutral", "positive", "unsure")}
    return words[f"note.{word}"].format(*(labels.get(value, value) for value in values))
