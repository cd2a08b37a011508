"""Typed settings from one YAML file. Every mistake is reported with file, line and what to write instead.

The names of the sections are the reference: `docs/configuration.md` is generated from them.
"""

from cti.config.machine import (
    ApiSettings,
    DialingSettings,
    FigureSettings,
    LimitSettings,
    OverloadSettings,
    PlatformSettings,
    ResumeSettings,
    StoreSettings,
    SwitchSettings,
    TrunkLimits,
    WorkerSettings,
    from_environment,
)
from cti.config.media import FaxSettings, PromptSettings, RecordingSettings, SpeechSettings
from cti.config.outside import BossSettings, LogSettings, OrderSettings, ReloadSettings, WebhookSettings
from cti.config.service import (
    CallbackSettings,
    ConversationSettings,
    MessageSettings,
    OutboundSettings,
    OverflowSettings,
    ParkingSettings,
    PermanentLegSettings,
    QueueSettings,
    WrittenUp,
)
from cti.config.settings import Settings, SettingsRefused, load_settings, parse_settings

__all__ = [
    "ApiSettings",
    "BossSettings",
    "CallbackSettings",
    "ConversationSettings",
    "DialingSettings",
    "FaxSettings",
    "FigureSettings",
    "LimitSettings",
    "LogSettings",
    "MessageSettings",
    "OrderSettings",
    "OutboundSettings",
    "OverflowSettings",
    "OverloadSettings",
    "ParkingSettings",
    "PermanentLegSettings",
    "PlatformSettings",
    "PromptSettings",
    "QueueSettings",
    "RecordingSettings",
    "ReloadSettings",
    "ResumeSettings",
    "Settings",
    "SettingsRefused",
    "SpeechSettings",
    "StoreSettings",
    "SwitchSettings",
    "TrunkLimits",
    "WebhookSettings",
    "WorkerSettings",
    "WrittenUp",
    "from_environment",
    "load_settings",
    "parse_settings",
]
