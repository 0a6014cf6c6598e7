"""`manage.py run_session "question" --documents PATH…`: ask, watch, and get the cited answer."""

import json
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, ProgrammingError

from core.errors import OrchestratorError, Unavailable
from sessions.management.terminal.answer import answer_text
from sessions.management.terminal.asking import caller, files_of, project_of, upload
from sessions.management.terminal.following import Abandoned, Follower
from sessions.management.terminal.progress import Screen, screen
from sessions.request import SessionRequest
from sessions.selectors import SessionDetail, session_detail
from sessions.services import create_session
from sessions.states import ExecutionMode, SessionStatus

EXIT_CODES = {SessionStatus.COMPLETED: 0, SessionStatus.FAILED: 1, SessionStatus.CANCELLED: 130}
BAD_INPUT = 2


def a_path(text: str) -> Path:
    if not text.strip():
        raise ArgumentTypeError("an empty text is no file or folder")  # for Path() it would be all of this folder
    return Path(text)


class Command(BaseCommand):
    help = (
        "Runs one session and prints its cited answer. Uses the worker of a running server, or runs it itself when "
        "there is none. Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled (Ctrl-C cancels the session)."
    )

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        modes = [str(mode) for mode in ExecutionMode if mode != ExecutionMode.DAG]
        parser.add_argument("question", help="the goal, in your words")
        parser.add_argument("--documents", nargs="+", type=a_path, default=[], metavar="PATH", help="files or folders")
        parser.add_argument("--agents", nargs="+", default=[], metavar="AGENT", help="names, ids or definitions")
        parser.add_argument("--mode", choices=modes, help="default: parallel with --agents, else planned")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="for the whole session")
        parser.add_argument("--project", default="", help="id, slug or name; default: your default project")
        parser.add_argument("--user", default="", help="in whose name; default: the first administrator")
        parser.add_argument("--json", action="store_true", help="print the session as one JSON document")

    def handle(self, **options: Any) -> None:
        if options["verbosity"] < 2:
            logging.getLogger().setLevel(logging.ERROR)
        self._is_json = options["json"]
        try:
            with screen(is_silent=self._is_json) as shown:
                detail = self._run(options, shown)
        except OrchestratorError as error:
            self._refuse(error)
        except (OperationalError, ProgrammingError) as error:
            self._refuse(Unavailable(f"The database is not ready ({error}): run `manage.py setup_site` first."))
        except Abandoned:
            self.stderr.write("Left; the session is being cancelled by its worker.")
            sys.exit(130)
        self._report(detail)
        sys.exit(EXIT_CODES[SessionStatus(detail.session.status)])

    def _run(self, options: dict[str, Any], shown: Screen) -> SessionDetail:
        access = caller(options["user"])
        project = project_of(access, options["project"])
        context = {}
        if files := files_of(options["documents"]):
            uploaded = upload(project, access, files)
            context["document_ids"] = uploaded.document_ids
            for complaint in uploaded.complaints:
                shown.note(f"Left out: {complaint}")
        request = SessionRequest(
            task_description=options["question"],
            context=context,
            agents=options["agents"],
            execution_mode=options["mode"],
            timeout=options["timeout"],
        )
        session = create_session(access=access, project=project, request=request)
        Follower(access, session.id, shown).follow()
        return session_detail(access, session.id)

    def _report(self, detail: SessionDetail) -> None:
        session = detail.session
        if self._is_json:
            self.stdout.write(json.dumps(detail.json, indent=2, ensure_ascii=False))
            return
        if session.status == SessionStatus.COMPLETED:
            self.stdout.write(f"\n{answer_text(session.result or {})}\n")
        took = (session.completed_at - session.created_at).total_seconds() if session.completed_at else 0.0
        why = f": {session.error_message}" if session.error_message else ""
        self.stderr.write(f"Session {session.id} {session.status.lower()} in {took:.1f} s{why}")

    def _refuse(self, error: OrchestratorError) -> None:
        if self._is_json:
            body = {"code": error.code, "message": error.message, "details": error.details}
            self.stdout.write(json.dumps({"error": body}, indent=2, ensure_ascii=False))
        else:
            self.stderr.write(error.message)
            for line in _detail_lines(error.details.items(), error.message):
                self.stderr.write(line)
        sys.exit(BAD_INPUT)


def _detail_lines(details: Iterable[tuple[str, Any]], message: str) -> list[str]:
    """What the message does not say already, by field."""
    pairs = [(field, str(text)) for field, texts in details if isinstance(texts, list) for text in texts]
    return [f"  {field}: {text}" for field, text in pairs if text not in message]
