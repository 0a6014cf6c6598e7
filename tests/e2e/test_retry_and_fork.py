"""A session that fails, as a client lives it: retried, re-run and forked without paying for anything twice."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from agents import registry as registry_module
from agents.services import ensure_builtin_agents, sync_definitions
from sessions.models import SessionEvent
from sessions.selectors import verify_session
from tests.e2e.counting_agent import is_down, runs
from tests.engine import running_engine
from tests.make import Make
from tests.running import wait_for
from workspaces.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

SESSIONS = "/api/v1/sessions"
WAIT = {"Prefer": "wait=20"}
Json = dict[str, Any]


class Client:
    """A member of a project with two counting agents, the one for the odd tasks."""

    def __init__(self, make: Make, project: Project) -> None:
        for name in ("Odd", "Even"):
            make.agent(project, "counting", name=name)
        self._api = APIClient()
        self._api.force_login(make.member(project.workspace))

    def post(self, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Json:
        answer = self._api.post(path, body or {}, format="json", headers={**WAIT, **headers})
        assert answer.status_code == status, answer.json()
        return dict(answer.json())

    def start(self, tasks: list[Json]) -> str:
        """The id of a session that runs."""
        answer = self._api.post(SESSIONS, {"task_description": "Run", "tasks": tasks}, format="json")
        assert answer.status_code == 202, answer.json()
        return str(answer.json()["id"])

    def upload(self, text: str) -> None:
        file = SimpleUploadedFile("notes.txt", text.encode())
        assert self._api.post("/api/v1/documents", {"files[]": [file]}, format="multipart").status_code < 300

    def refused(self, session: Json, verb: str, **body: Any) -> Json:
        """The details of a refusal."""
        answer = self._api.post(f"{SESSIONS}/{session['id']}/{verb}", body, format="json")
        assert answer.status_code == 400, answer.json()
        return dict(answer.json()["details"])

    def get(self, path: str) -> Json:
        return dict(self._api.get(path).json())

    def again(self, session: Json, verb: str, **body: Any) -> Json:
        """The new session, once it has ended."""
        made = self.post(f"{SESSIONS}/{session['id']}/{verb}", body)
        check_log(made)
        return made


@pytest.fixture
def client(make: Make, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    settings.AGENT_REGISTRY_MODULES = ["tests.e2e.counting_agent"]
    monkeypatch.setattr(registry_module, "_registry", None)
    sync_definitions()
    runs.clear()
    is_down.clear()
    client = Client(make, make.project())
    with running_engine():
        yield client


def chain(length: int = 7) -> list[Json]:
    """t1 to tN, each after the one before, each with two paid calls, handed from agent to agent."""
    tasks = []
    for number in range(1, length + 1):
        agent = "Odd" if number % 2 else "Even"
        orders = {"say": f"said {number}", "steps": 2}
        after = [f"t{number - 1}"] if number > 1 else []
        tasks.append({"name": f"t{number}", "agent": agent, "input_data": orders, "depends_on": after})
    return tasks


def check_log(session: Json) -> None:
    """The log is whole, and the rows are what it tells."""
    verdict = verify_session(UUID(session["id"]))
    assert (verdict.problems, verdict.is_compared) == ((), True)


def by_name(session: Json) -> dict[str, Json]:
    return {task["name"]: task for task in session["tasks"]}


def states(session: Json) -> Mapping[str, str]:
    return {name: task["status"] for name, task in by_name(session).items()}


def test_a_session_that_failed_at_the_fifth_of_seven_tasks_goes_on_there(client: Client) -> None:
    is_down.add("t5")
    old = client.post(SESSIONS, {"task_description": "Seven steps", "tasks": chain()})
    assert (old["status"], old["usage"]) == ("FAILED", {"calls": 10})
    assert list(states(old).values()) == ["COMPLETED"] * 4 + ["FAILED"] + ["SKIPPED"] * 2
    is_down.clear()

    session = client.again(old, "retry")
    assert session["status"] == "COMPLETED", session["error"]
    assert dict(runs) == {"t1": 1, "t2": 1, "t3": 1, "t4": 1, "t5": 2, "t6": 1, "t7": 1}
    assert session["usage"] == {"calls": 4}, "t5 had paid for its two calls before it failed"
    assert session["saved_usage"] == {"calls": 10}
    tasks = by_name(session)
    assert [tasks[f"t{number}"]["copied_from"] for number in range(1, 5)] == [task["id"] for task in old["tasks"][:4]]
    assert [tasks[f"t{number}"]["attempt"] for number in range(1, 8)] == [0, 0, 0, 0, 1, 1, 1]
    assert tasks["t5"]["result"]["said"] == "said 5"
    assert {"task": "t4", "output": tasks["t4"]["result"]} in tasks["t5"]["result"]["inbox"]
    assert session["result"]["answer"]
    assert SessionEvent.objects.filter(session_id=session["id"], type="task.reused").count() == 4
    assert SessionEvent.objects.filter(session_id=session["id"], type="step.reused").count() == 2
    [below] = client.get(f"{SESSIONS}/{old['id']}/lineage")["tree"]["descendants"]
    assert (below["id"], below["reused_task_count"], below["status"]) == (session["id"], 4, "COMPLETED")


def test_a_rerun_with_another_input_reaches_what_builds_on_it_and_nothing_else(client: Client) -> None:
    old = client.post(SESSIONS, {"task_description": "Seven steps", "tasks": chain()})
    runs.clear()
    session = client.again(old, "rerun", task="t6", input_data={"say": "anew", "steps": 2})
    assert dict(runs) == {"t6": 1, "t7": 1}
    assert by_name(session)["t6"]["result"]["said"] == "anew"
    assert session["usage"] == {"calls": 2}, "the calls of t6 are paid for again, those of t7 had the same input"
    assert session["saved_usage"] == {"calls": 12}
    runs.clear()
    again = client.again(session, "rerun", task="t6", reuse_steps=True)
    assert (dict(runs), again["usage"], again["saved_usage"]) == ({"t6": 1, "t7": 1}, {}, {"calls": 14})


def test_a_fork_goes_another_way_from_where_it_leaves(client: Client) -> None:
    old = client.post(SESSIONS, {"task_description": "Seven steps", "tasks": chain()})
    runs.clear()
    session = client.again(old, "fork", at="t3", task_description="Four other steps")
    assert dict(runs) == {"t4": 1, "t5": 1, "t6": 1, "t7": 1}
    assert (session["usage"], session["saved_usage"]) == ({"calls": 8}, {"calls": 6})
    assert by_name(session)["t4"]["result"]["inbox"] == [
        {"task": "t1", "output": by_name(old)["t1"]["result"]},
        {"task": "t3", "output": by_name(old)["t3"]["result"]},
    ]
    everything = client.again(old, "fork")
    assert (everything["status"], everything["usage"]) == ("COMPLETED", {})
    assert everything["result"] == old["result"]


def test_a_session_that_still_runs_is_forked_at_what_is_committed(client: Client) -> None:
    tasks = chain(3)
    tasks[1]["input_data"]["sleep"] = 30
    path = f"{SESSIONS}/{client.start(tasks)}"
    wait_for(lambda: states(client.get(path))["t2"] == "RUNNING", 15, "the second task runs")
    forked = client.post(f"{path}/fork", {"at": "t1"}, Prefer="wait=0", status=202)
    assert states(client.get(f"{SESSIONS}/{forked['id']}"))["t1"] == "COMPLETED"
    for each in (path, f"{SESSIONS}/{forked['id']}"):
        client.post(f"{each}/cancel")
        assert client.get(each)["status"] == "CANCELLED"
    assert runs["t1"] == 1


def spawner(order: str) -> list[Json]:
    """A task that spawns two, of which the second has a bad day."""
    spawned = [{"name": f"s{number}", "agent": "Odd", "input_data": {"say": number, "steps": 1}} for number in (1, 2)]
    return [{"name": "root", "agent": "Even", "input_data": {"steps": 1, order: spawned}}]


@pytest.mark.parametrize("order", ["spawn", "spawn_join"])
def test_what_a_task_had_spawned_is_reused_and_not_spawned_twice(client: Client, order: str) -> None:
    is_down.add("s2")
    old = client.post(SESSIONS, {"task_description": "Spawn", "tasks": spawner(order)})
    assert (old["status"], states(old)["s1"], states(old)["s2"]) == ("FAILED", "COMPLETED", "FAILED")
    is_down.clear()
    session = client.again(old, "retry")
    assert session["status"] == "COMPLETED", session["error"]
    assert (runs["s1"], runs["s2"], len(session["tasks"])) == (1, 2, 3)
    assert session["usage"] == {}, "every call had been paid for"
    if order == "spawn_join":
        outputs = by_name(session)["root"]["result"]["outputs"]
        assert {name: output["said"] for name, output in outputs.items()} == {"s1": 1, "s2": 2}
    again = client.again(session, "rerun", task="root")
    assert (again["status"], len(again["tasks"]), runs["s1"]) == ("COMPLETED", 3, 2)


def test_a_spawned_task_is_run_again_alone_unless_its_parent_had_waited_for_it(client: Client) -> None:
    free = client.post(SESSIONS, {"task_description": "Spawn", "tasks": spawner("spawn")})
    runs.clear()
    session = client.again(free, "rerun", task="s1", input_data={"say": "anew"})
    assert (session["status"], dict(runs)) == ("COMPLETED", {"s1": 1})
    joined = client.post(SESSIONS, {"task_description": "Spawn", "tasks": spawner("spawn_join")})
    assert "run again from root" in client.refused(joined, "rerun", task="s1")["task"][0]


def test_a_session_cancelled_while_a_task_waits_for_what_it_spawned_goes_on_waiting(client: Client) -> None:
    tasks = spawner("spawn_join")
    tasks[0]["input_data"]["spawn_join"][1]["input_data"]["sleep"] = 1.5
    path = f"{SESSIONS}/{client.start(tasks)}"
    wait_for(lambda: states(client.get(path)).get("s1") == "COMPLETED", 15, "the first spawned task is done")
    client.post(f"{path}/cancel")
    old = client.get(path)
    assert states(old) == {"root": "CANCELLED", "s1": "COMPLETED", "s2": "CANCELLED"}
    session = client.again(old, "retry")
    assert (session["status"], runs["s1"], session["usage"]) == ("COMPLETED", 1, {})


def test_a_child_session_that_had_ended_is_not_started_again(client: Client) -> None:
    child = {"goal": "Help", "tasks": [{"name": "help", "agent": "Odd", "input_data": {"steps": 3}}]}
    tasks = [{"name": "root", "agent": "Even", "input_data": {"spawn_session": child}}]
    is_down.add("root")
    old = client.post(SESSIONS, {"task_description": "Ask for help", "tasks": tasks})
    assert (old["status"], old["usage"], runs["help"]) == ("FAILED", {"calls": 3}, 1)
    is_down.clear()
    session = client.again(old, "retry")
    assert (session["status"], session["usage"], runs["help"]) == ("COMPLETED", {}, 1)
    assert session["saved_usage"] == {"calls": 3}
    tree = client.get(f"{SESSIONS}/{old['id']}/lineage")["tree"]["descendants"]
    assert sorted(each["origin"] for each in tree) == ["child", "retry"]


def test_a_planned_session_is_forked_after_its_plan_which_is_not_made_again(client: Client) -> None:
    ensure_builtin_agents(project=Project.objects.get())
    client.upload("The lamp of Hook Head is the oldest. It was lit about 800 years ago.")
    old = client.post(SESSIONS, {"task_description": "Which lamp is the oldest?"})
    assert (old["status"], old["execution_mode"]) == ("COMPLETED", "planned"), old["error"]
    names = [task["name"] for task in old["tasks"]]
    session = client.again(old, "fork", at="plan", task_description="When was the oldest lamp lit?")
    assert session["status"] == "COMPLETED", session["error"]
    assert [task["name"] for task in session["tasks"]] == names
    assert [bool(task["copied_from"]) for task in session["tasks"]] == [True] + [False] * (len(names) - 1)
    kinds = [row.type for row in SessionEvent.objects.filter(session_id=session["id"])]
    assert "session.planning" not in kinds
    replanned = client.again(old, "rerun", task="plan")
    assert replanned["status"] == "COMPLETED", replanned["error"]
    assert not any(task["copied_from"] for task in replanned["tasks"])
