"""What can be permitted, and the roles made of it. Which role holds which permission stands in `policy`."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    AGENT = "agent"  # handles contacts
    TEAM_LEAD = "team_lead"  # looks after agents of a team: presence, skills, notices
    SUPERVISOR = "supervisor"  # controls queues and contacts, listens in
    FLOW_AUTHOR = "flow_author"  # writes flows and puts them live
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"  # users, roles, keys and the machinery; no personal data in clear
    SWITCH = "switch"  # a FreeSWITCH that asks for its phones; for machines
    GATEWAY = "gateway"  # the backend of a web chat, a gateway of SMS; for machines
    ORDERER = "orderer"  # another system that orders callbacks, messages and notices; for machines


class Permission(StrEnum):
    """Named ``<what>.<how>``. A value is published and kept in the audit: it is never renamed."""

    OWN_ACCOUNT = "account.own"  # see the own account, change the password, end the own sessions
    OWN_PRESENCE = "presence.own"  # sign in with a phone, ready, not ready, heartbeat
    EVENTS_READ = "events.read"  # the stream of live state; what comes over it is decided event by event

    AGENTS_READ = "agents.read"
    AGENTS_EDIT = "agents.edit"  # profile: team, phone, capacity
    AGENTS_STATE = "agents.state"  # force a state, sign out
    SKILLS_READ = "skills.read"
    SKILLS_EDIT = "skills.edit"  # the list of skills, and who has which level
    SCHEDULES_READ = "schedules.read"
    SCHEDULES_EDIT = "schedules.edit"  # who should be on duty, and when
    TEAMS_READ = "teams.read"
    TEAMS_EDIT = "teams.edit"
    PHONES_ROTATE = "phones.rotate"  # a new password for a phone; it is shown once
    PHONES_DIRECTORY = "phones.directory"  # what a switch needs to know phones by: hashes of their passwords

    QUEUES_READ = "queues.read"
    QUEUES_CONTROL = "queues.control"  # close, open, reorder
    CONTACTS_READ = "contacts.read"
    CONTACTS_HANDLE = "contacts.handle"  # answer, hold, consult, transfer, wrap up
    CONTACTS_PICK_UP = "contacts.pick_up"  # take one that waits, is parked, or rings at a colleague
    CONTACTS_MOVE = "contacts.move"  # to another queue or agent
    CONTACTS_LISTEN = "contacts.listen"  # monitor, whisper
    CONTACTS_JOIN = "contacts.join"  # barge, take over

    CHATS_RELAY = "chats.relay"  # bring what customers write, fetch what is written back

    CALLS_READ = "calls.read"
    CALLS_PLACE = "calls.place"  # originate towards a customer
    RECORDINGS_READ = "recordings.read"  # what is known of them
    RECORDINGS_LISTEN = "recordings.listen"  # each listening is audited
    RECORDINGS_HOLD = "recordings.hold"  # so that nothing deletes them
    RECORDINGS_DELETE = "recordings.delete"
    CUSTOMERS_READ = "customers.read"
    CUSTOMERS_EDIT = "customers.edit"
    CALLBACKS_READ = "callbacks.read"
    CALLBACKS_EDIT = "callbacks.edit"
    NOTICES_READ = "notices.read"
    NOTICES_EDIT = "notices.edit"
    REPORTS_READ = "reports.read"
    DATA_UNMASK = "data.unmask"  # numbers, names and the like in clear; each such read is audited

    FLOWS_READ = "flows.read"
    FLOWS_CHECK = "flows.check"  # check, test and explore without putting live
    FLOWS_EDIT = "flows.edit"  # upload
    FLOWS_ACTIVATE = "flows.activate"  # put live, canary, roll back
    ENTRIES_READ = "entries.read"
    ENTRIES_EDIT = "entries.edit"
    CALENDARS_READ = "calendars.read"
    CALENDARS_EDIT = "calendars.edit"

    LOOKUPS_RUN = "lookups.run"  # read from the back office
    REQUESTS_RUN = "requests.run"  # write to the back office
    REQUESTS_SETTLE = "requests.settle"  # decide about writes of which nobody knows: replay, drop
    BACKENDS_READ = "backends.read"
    BACKENDS_CONTROL = "backends.control"  # drain, open and close breakers
    FEEDS_READ = "feeds.read"
    FEEDS_RUN = "feeds.run"  # have them looked after at once
    ORDERS_READ = "orders.read"  # of other systems
    ORDERS_PLACE = "orders.place"  # as another system
    NODES_READ = "nodes.read"  # processes of a cluster
    NODES_DRAIN = "nodes.drain"  # before maintenance
    WEBHOOKS_EDIT = "webhooks.edit"

    USERS_READ = "users.read"
    USERS_EDIT = "users.edit"  # add, disable, unlock, reset a password, end sessions
    ROLES_GRANT = "roles.grant"
    KEYS_EDIT = "keys.edit"  # API keys for machines
    AUDIT_READ = "audit.read"
    DEMO_CALL = "demo.call"  # place a virtual call
