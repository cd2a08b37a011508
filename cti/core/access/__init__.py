"""Who may do what: permissions, roles, scopes, the one policy table, and what is written down about decisions."""

from cti.core.access.audit import SYSTEM, AuditLine, Author, Deed, changed
from cti.core.access.permissions import Permission, Role
from cti.core.access.policy import Decision, Visible, decide, permissions_of, visible
from cti.core.access.principal import EVERYTHING, GLOBAL, Grant, Principal, ResourceScope, Scope, ScopeKind

__all__ = [
    "EVERYTHING",
    "GLOBAL",
    "SYSTEM",
    "AuditLine",
    "Author",
    "Decision",
    "Deed",
    "Grant",
    "Permission",
    "Principal",
    "ResourceScope",
    "Role",
    "Scope",
    "ScopeKind",
    "Visible",
    "changed",
    "decide",
    "permissions_of",
    "visible",
]
