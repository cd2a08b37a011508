"""A flow as large as one wants, built as operators build theirs: areas of services behind menus, each service asking
for a number, looking it up, deciding, telling, offering what to do next; people and a mailbox behind all of it."""

from __future__ import annotations

from collections.abc import Iterator

SHARED = 12  # nodes besides areas and services
PER_SERVICE = 8
SERVICES_IN_AREA = 7
HEAD = """\
flow: {name}
title: {count} nodes
start: welcome
languages: {{default: zh-CN, also: [en-US]}}
inputs: {{caller: "phone?!"}}
vars:
  tier: enum[standard, vip, senior] = standard
  number: phone?
  balance: decimal?
on: {{error: sorry, hangup: leave, limit: bye}}
nodes:
  welcome: {{type: play, say: {{zh-CN: "欢迎致电。", en-US: "Welcome."}}}}
  who:
    type: lookup
    ask: subscriber.get
    with: {{msisdn: =caller}}
    save: {{tier: =result.tier}}
    to: {{else: open}}
  open: {{type: hours, calendar: office, to: {{open: main, else: message}}}}
"""
TAIL = """\
  agent:
    type: queue
    queue: service
    priority: "= 10 if tier == 'vip' else 0"
    announce: {every: 30s, position: true, wait: true}
    max_wait: 10m
    keys: {hash: message}
    to: {talked: bye, else: message}
  message: {type: voicemail, max: 120s, to: {else: bye}}
  language: {type: set, set: {language: "= 'en-US' if language == 'zh-CN' else 'zh-CN'"}, next: main}
  sorry: {type: play, say: {zh-CN: "系统繁忙。", en-US: "Sorry."}, next: agent}
  unknown: {type: play, say: {zh-CN: "没有找到。", en-US: "Not found."}, next: agent}
  failed: {type: play, say: {zh-CN: "暂时无法查询。", en-US: "Not now."}, next: agent}
  leave: {type: end}
  bye: {type: end, outcome: done}
"""
SERVICE = """\
  ask_{n}:
    type: collect
    say: {{zh-CN: "服务{n}，请输入号码，以井号结束。", en-US: "Service {n}, enter the number, then press pound."}}
    save: number
    digits: {{min: 11, max: 11, pattern: "1[3-9].*"}}
    to: {{filled: find_{n}, else: agent}}
  find_{n}:
    type: lookup
    ask: subscriber.get
    with: {{msisdn: =number}}
    deadline: 2s
    interim: {{after: 800ms, say: {{zh-CN: "请稍候。", en-US: "One moment."}}}}
    save: {{balance: =result.balance}}
    to: {{ok: judge_{n}, not_found: unknown, else: failed}}
  judge_{n}:
    type: branch
    cases: [{{when: "default(balance, 0) < {limit}", to: low_{n}}}]
    default: tell_{n}
  tell_{n}:
    type: play
    say: {{zh-CN: "余额是${{money(default(balance, 0))}}。", en-US: "It is ${{money(default(balance, 0))}}."}}
    achieves: served
    next: more_{n}
  low_{n}: {{type: play, say: {{zh-CN: "余额不足。", en-US: "Little is left."}}, next: more_{n}}}
  more_{n}:
    type: menu
    say: {{zh-CN: "再查按1，返回按2，短信按3，人工按0。", en-US: "Again 1, back 2, text 3, agent 0."}}
    keys: {{1: ask_{n}, 2: area_{area}, 3: receipt_{n}, 0: agent}}
    reprompt: {{no_input: 1, no_match: 1}}
    to: {{no_input: bye, no_match: agent}}
  receipt_{n}:
    type: message
    recipient: =caller
    text: {{zh-CN: "服务{n}。", en-US: "Service {n}."}}
    to: {{sent: thanks_{n}, failed: failed}}
  thanks_{n}: {{type: play, say: {{zh-CN: "短信已发送。", en-US: "Sent."}}, next: bye}}
"""


def big_flow(count: int = 500, name: str = "big") -> str:
    """YAML of a flow with ``count`` nodes (rounded down to whole services; at least one)."""
    services = max(1, _services(count))
    areas = -(-services // SERVICES_IN_AREA)
    pages = list(_pages(areas))
    nodes = SHARED + len(pages) - 1 + areas + services * PER_SERVICE
    parts = [HEAD.format(name=name, count=nodes), *pages]
    for area in range(areas):
        numbers = range(area * SERVICES_IN_AREA, min((area + 1) * SERVICES_IN_AREA, services))
        keys = ", ".join(f"{key}: ask_{n}" for key, n in enumerate(numbers, 1))
        parts.append(_menu(f"area_{area}", f"业务{area}", f"Area {area}", f"{keys}, star: main, 0: agent"))
        parts += [SERVICE.format(n=n, area=area, limit=10 + n % 7) for n in numbers]
    return "".join([*parts, TAIL])


def _services(count: int) -> int:
    services = 0
    while True:
        areas = -(-(services + 1) // SERVICES_IN_AREA)
        if SHARED + len(list(_pages(areas))) - 1 + areas + (services + 1) * PER_SERVICE > count:
            return services
        services += 1


def _pages(areas: int) -> Iterator[str]:
    """The main menu; with more than seven areas, several pages of it."""
    pages = -(-areas // 7)
    for page in range(pages):
        keys = [f"{key}: area_{area}" for key, area in enumerate(range(page * 7, min(areas, page * 7 + 7)), 1)]
        keys += [f"8: main_{page + 1}"] if page + 1 < pages else []
        own = "main" if page == 0 else f"main_{page}"
        yield _menu(own, "请选择业务", "Please choose", ", ".join([*keys, "star: language", "0: agent"]))


def _menu(node: str, chinese: str, english: str, keys: str) -> str:
    return (
        f"  {node}:\n    type: menu\n"
        f'    say: {{zh-CN: "{chinese}，人工服务请按0。", en-US: "{english}, for an agent press 0."}}\n'
        f"    keys: {{{keys}}}\n"
        f"    reprompt: {{no_input: 2, no_match: 2}}\n    to: {{no_input: agent, no_match: agent}}\n"
    )
