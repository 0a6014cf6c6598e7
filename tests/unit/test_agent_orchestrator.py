"""What a session does with its tasks, decided step by step at a clock of the test's own."""

from sessions.engine.inputs import AgentFailed, AgentFinished, CancelAgent, Claimed, SlotWanted, StartAgent, Tick
from sessions.routing_policy import choose_agent
from tests.unit.engine.world import WORKER, Script, agent, session, task


class TestAgentOrchestrator:
    def test_task_decomposition(self) -> None:
        """A plan's output becomes the tasks of the running session, with their dependencies."""
        planner = agent("planner", "planning")
        plan = task("plan", agent_id=planner.id, task_type="planning")
        script = Script(session(plan, agents=[planner, WORKER], execution_mode="planned"))
        script.feed(Claimed())
        assert script.session.status == "PLANNING"
        script.feed(
            AgentFinished(
                script.execution("plan"),
                {
                    "tasks": [
                        {"name": "a", "required_capabilities": ["scripted"]},
                        {"name": "b", "required_capabilities": ["scripted"]},
                        {"name": "both", "agent": "worker", "depends_on": ["a", "b"]},
                    ]
                },
            )
        )
        assert script.session.status == "RUNNING"
        assert script.statuses == {"plan": "COMPLETED", "a": "RUNNING", "b": "RUNNING", "both": "PENDING"}
        assert set(script.task("both").depends_on) == {script.task("a").id, script.task("b").id}
        assert script.task("a").parent_task_id == plan.id

    def test_agent_selection_logic(self) -> None:
        """The able agent with the least work for its weight is chosen, and why is stored."""
        busy, idle = agent("busy", capabilities=frozenset({"read"})), agent("idle", capabilities=frozenset({"read"}))
        resting = agent("resting", capabilities=frozenset({"read"}), is_assignable=False)
        other = agent("other", capabilities=frozenset({"write"}))
        choice = choose_agent([busy, idle, resting, other], ["read"], {busy.id: 2})
        assert choice.agent_id == idle.id
        assert [candidate["name"] for candidate in choice.reason["candidates"]] == ["idle", "busy"]
        strong = agent("strong", capabilities=frozenset({"read"}), weight=10)
        assert choose_agent([idle, strong], ["read"], {idle.id: 1, strong.id: 5}).agent_id == strong.id

    def test_parallel_execution(self) -> None:
        """Independent tasks start in one step, and the session ends when the last of them does."""
        script = Script(session(task("a"), task("b"), task("c")))
        decision = script.feed(Claimed())
        assert [effect.task.name for effect in decision.effects if isinstance(effect, StartAgent)] == ["a", "b", "c"]
        for name in "ab":
            script.feed(AgentFinished(script.execution(name), name))
        assert script.session.status == "RUNNING"
        script.feed(AgentFinished(script.execution("c"), "c"))
        assert script.session.status == "COMPLETED"

    def test_sequential_execution(self) -> None:
        """A task starts in the very step that completes what it waits for, and sees all earlier outputs."""
        first = task("first")
        second = task("second", first)
        third = task("third", second)
        script = Script(session(first, second, third, execution_mode="sequential"))
        script.feed(Claimed())
        assert script.statuses == {"first": "RUNNING", "second": "PENDING", "third": "PENDING"}
        script.feed(AgentFinished(script.execution("first"), "one"))
        assert script.statuses == {"first": "COMPLETED", "second": "RUNNING", "third": "PENDING"}
        decision = script.feed(AgentFinished(script.execution("second"), "two"))
        [start] = decision.effects
        assert isinstance(start, StartAgent)
        assert [earlier.output for earlier in start.upstream] == ["one", "two"]

    def test_error_handling_and_retry(self) -> None:
        """A failed attempt is followed by another after a backoff, until the attempts are used up."""
        script = Script(session(task("shaky", max_attempts=2), task("after")))
        script.feed(Claimed())
        first = script.execution("shaky")
        decision = script.feed(AgentFailed(first, "flaky", "it broke"))
        assert script.task("shaky").status == "QUEUED"
        assert decision.wake_at is not None
        assert 0 <= (decision.wake_at - script.now).total_seconds() <= 0.5
        script.wait(1)
        script.feed(Tick())
        assert script.execution("shaky") != first
        assert script.task("shaky").attempts == 2
        script.feed(AgentFailed(script.execution("shaky"), "flaky", "it broke again"))
        assert script.task("shaky").status == "FAILED"
        script.feed(AgentFinished(script.execution("after"), "fine"))
        assert script.session.status == "FAILED"
        assert script.session.error_message == "Task shaky failed: it broke again"

    def test_timeout_handling(self) -> None:
        """A session that takes longer than its timeout fails, and whatever runs is stopped."""
        script = Script(session(task("slow"), timeout_seconds=30))
        decision = script.feed(Claimed())
        assert decision.wake_at == script.now.replace(second=30)
        execution = script.execution("slow")
        script.wait(29.9)
        script.feed(Tick())
        assert script.session.status == "RUNNING"
        script.wait(0.2)
        decision = script.feed(Tick())
        assert script.session.status == "FAILED"
        assert script.session.error_code == "timeout"
        assert decision.effects == (CancelAgent(execution),)
        assert script.statuses == {"slow": "CANCELLED"}

    def test_concurrency_limit_holds_back_what_has_no_slot(self) -> None:
        """A task without a slot stays queued and starts when one is granted."""
        free: list[SlotWanted] = []

        def grant(want: SlotWanted) -> bool:
            free.append(want)
            return len(free) != 2

        script = Script(session(task("a"), task("b")), grant=grant)
        script.feed(Claimed())
        assert script.statuses == {"a": "RUNNING", "b": "QUEUED"}
        script.feed(Tick())
        assert script.statuses == {"a": "RUNNING", "b": "RUNNING"}
