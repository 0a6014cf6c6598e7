"""What can be done to tenancy."""

from workspaces.services.audit import record_audit
from workspaces.services.idempotency import Answer, Claim, claim_request, forget_answers, keep_answer, release_request
from workspaces.services.keys import create_key, revoke_key, touch_key
from workspaces.services.login import check_login_allowed, clear_failed_logins, log_in, note_failed_login
from workspaces.services.members import add_member, change_role, remove_member
from workspaces.services.projects import create_project, delete_project, update_project
from workspaces.services.tickets import issue_ticket, redeem_ticket
from workspaces.services.workspaces import create_workspace, ensure_default_workspace, found_workspace, update_workspace

__all__ = [
    "Answer",
    "Claim",
    "add_member",
    "change_role",
    "check_login_allowed",
    "claim_request",
    "clear_failed_logins",
    "create_key",
    "create_project",
    "create_workspace",
    "delete_project",
    "ensure_default_workspace",
    "forget_answers",
    "found_workspace",
    "issue_ticket",
    "keep_answer",
    "log_in",
    "note_failed_login",
    "record_audit",
    "redeem_ticket",
    "release_request",
    "remove_member",
    "revoke_key",
    "touch_key",
    "update_project",
    "update_workspace",
]
