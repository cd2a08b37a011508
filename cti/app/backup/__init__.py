"""Backups: one file with everything that an engine cannot make again, and an engine's folder made of one."""

from cti.app.backup.archive import Manifest, read_manifest, verify
from cti.app.backup.create import create_backup
from cti.app.backup.restore import Restored, restore_backup

__all__ = ["Manifest", "Restored", "create_backup", "read_manifest", "restore_backup", "verify"]
