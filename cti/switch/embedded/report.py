"""The variables that a channel has after its end: stamps, durations, figures of the call data record."""

from __future__ import annotations

import time

from cti.switch.embedded.channel import Channel
from cti.switch.embedded.profile import micros


def report_variables(channel: Channel, now: float) -> None:
    """switch_channel_set_timestamps: what CHANNEL_HANGUP_COMPLETE carries beyond the call's own variables."""
    times = channel.profile.times
    stamps = (
        ("start", times.created),
        ("profile_start", times.profile_created),
        ("answer", times.answered),
        ("bridge", times.bridged),
        ("progress", times.progress),
        ("progress_media", times.progress_media),
        ("hold", times.last_hold),
        ("end", now),
    )
    for name, at in stamps:
        if at:
            channel.setvar(f"{name}_stamp", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)))
    epochs = {name: at for name, at in stamps if name != "hold"} | {"last_hold": times.last_hold, "resurrect": 0.0}
    for name, at in epochs.items():
        channel.setvar(f"{name}_epoch", str(int(at)))
        channel.setvar(f"{name}_uepoch", str(micros(at)))
    for name, scale in (("seconds", 1), ("usec", 1_000_000), ("ms", 1000)):
        channel.setvar(f"hold_accum_{name}", str(int(times.hold_accum * scale)))
    last = channel.variables.get("current_application")
    if last:
        channel.setvar("last_app", last)
        channel.setvar("last_arg", channel.variables.get("current_application_data"))
    channel.setvar("caller_id", f'"{channel.profile.name}" <{channel.profile.number}>')
    _durations(channel, now)


def _durations(channel: Channel, now: float) -> None:
    times = channel.profile.times
    lengths = {
        "duration": now - times.created,
        "bill": now - times.answered if times.answered else 0.0,
        "progress": times.progress - times.created if times.progress else 0.0,
        "answer": times.answered - times.created if times.answered else 0.0,
        "wait": times.bridged - times.created if times.bridged else 0.0,
        "progress_media": times.progress_media - times.created if times.progress_media else 0.0,
        "flow_bill": now - times.answered if times.answered else 0.0,
    }
    for unit, scale in (("sec", 1), ("msec", 1000), ("usec", 1_000_000)):
        for name, length in lengths.items():
            value = str(round(length * 1_000_000) * scale // 1_000_000)
            if name == "duration":
                channel.setvar({"sec": "duration", "msec": "mduration", "usec": "uduration"}[unit], value)
            else:
                channel.setvar(f"{name}{unit}", value)
