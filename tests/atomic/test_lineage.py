"""What a session made from an earlier one takes over: the decision alone, on random graphs."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessions.lineage import PastTask, Share, allowed_on, share_of_fork, share_of_rerun, share_of_retry


def past(id: str, *after: str, done: bool = True, parent: str | None = None, **fields: Any) -> PastTask:
    return PastTask(id, after, parent, is_done=done, **fields)


@st.composite
def sessions(draw: Any) -> list[PastTask]:
    """A session that could have been: nothing is done before its inputs, nobody waits for what is not done."""
    tasks: list[PastTask] = []
    for number in range(draw(st.integers(1, 12))):
        after = draw(st.lists(st.sampled_from(tasks), max_size=3, unique=True)) if tasks else []
        parent = draw(st.none() | st.sampled_from(tasks)) if tasks else None
        can_be_done = all(task.is_done for task in after)
        task = past(
            str(number),
            *(task.id for task in after),
            parent=parent.id if parent else None,
            done=can_be_done and draw(st.booleans()),
            is_journaled=parent is not None and draw(st.booleans()),
        )
        tasks.append(task)
    return [replace(task, joins=draw(_joins(task, tasks))) for task in tasks]


def _joins(task: PastTask, tasks: list[PastTask]) -> st.SearchStrategy[tuple[str, ...]]:
    own = [other for other in tasks if other.parent == task.id and other.is_journaled]
    known = [other.id for other in own if other.is_done or not task.is_done]
    return st.lists(st.sampled_from(known), unique=True).map(tuple) if known else st.just(())


def check(tasks: list[PastTask], share: Share) -> None:
    """What holds for every share of every session."""
    by_id = {task.id: task for task in tasks}
    parts = (share.copied, share.again, share.left_out)
    assert sorted(key for part in parts for key in part) == sorted(by_id)
    assert share.with_steps <= share.again
    for key in share.copied:
        task = by_id[key]
        assert task.is_done
        assert set(task.depends_on) <= share.copied, "a task is reused whose input is not"
        assert task.parent not in share.left_out
    for key in share.again:
        assert by_id[key].parent not in share.left_out
    for key in share.left_out:
        assert by_id[key].parent in share.again | share.left_out, "a task is left out that nobody makes anew"
    for task in tasks:
        if task.parent in share.again and task.id not in share.left_out:
            assert task.is_journaled, "a task is kept that its parent would make a second time"


@given(sessions())
def test_a_retry_takes_over_all_that_is_done_and_runs_the_rest_with_its_steps(tasks: list[PastTask]) -> None:
    share = share_of_retry(tasks)
    check(tasks, share)
    assert share.with_steps == share.again
    if not share.left_out:
        assert share.copied == {task.id for task in tasks if task.is_done}


@given(sessions(), st.data(), st.booleans())
def test_a_rerun_runs_the_chosen_task_and_all_that_builds_on_it_and_keeps_everything_else_that_is_done(
    tasks: list[PastTask], data: st.DataObject, reuse_steps: bool
) -> None:
    chosen = data.draw(st.sampled_from(tasks)).id
    share = share_of_rerun(tasks, chosen, reuse_steps=reuse_steps)
    check(tasks, share)
    if chosen in share.left_out:
        return
    assert chosen in share.again
    assert (chosen in share.with_steps) == reuse_steps
    assert share.again - share.with_steps <= {chosen}
    changed = share.again | share.left_out
    for task in tasks:
        if task.id in share.copied:
            assert not set(task.joins) & changed, "a task is reused that had waited for one that is not"
        elif task.is_done and task.id != chosen and task.id not in share.left_out:
            assert {*task.depends_on, *task.joins} & changed, "something is paid for twice"


@given(sessions(), st.data())
def test_a_fork_is_the_session_as_it_was_then(tasks: list[PastTask], data: st.DataObject) -> None:
    """Any order in which the tasks can have ended, cut anywhere."""
    ended = [task.id for task in tasks if task.is_done]
    done = set(ended[: data.draw(st.integers(0, len(ended)))])
    made = {task.id for task in tasks if task.parent is None or data.draw(st.booleans())}
    made = {task.id for task in tasks if task.id in made and {*task.depends_on} <= made} | done
    share = share_of_fork(tasks, created=made, done=done)
    then = [replace(task, is_done=task.id in done) for task in tasks if task.id in made]
    check(then, Share(share.copied, share.again, share.left_out & made, share.with_steps))
    assert share.copied <= done
    assert share.left_out >= {task.id for task in tasks} - made


def test_a_plan_that_is_made_again_makes_its_tasks_again() -> None:
    tasks = [past("plan"), past("a", parent="plan"), past("b", "a", parent="plan", done=False)]
    share = share_of_rerun(tasks, "plan", reuse_steps=False)
    assert (share.copied, share.again, share.left_out) == (set(), {"plan"}, {"a", "b"})
    kept = share_of_retry(tasks)
    assert (kept.copied, kept.again) == ({"plan", "a"}, {"b"})


def test_what_a_rerun_task_had_spawned_is_left_out_and_a_retried_one_keeps_what_its_steps_know() -> None:
    child = past("child", parent="b", is_journaled=True)
    tasks = [past("a"), past("b", "a", done=False), child, past("join", "child", done=False)]
    assert share_of_rerun(tasks, "a", reuse_steps=False).left_out == {"child"}
    assert share_of_retry(tasks).copied == {"a", "child"}
    unknown = [replace(task, is_journaled=False) for task in tasks]
    assert share_of_retry(unknown).left_out == {"child"}


def test_a_task_that_waited_for_what_it_spawned_is_built_on_it() -> None:
    child = past("child", "x", parent="p", is_journaled=True)
    tasks = [past("x"), past("p", joins=("child",)), child, past("free", parent="p", is_journaled=True)]
    assert share_of_rerun(tasks, "x", reuse_steps=False).again == {"x", "p"}
    assert share_of_rerun(tasks, "free", reuse_steps=False).again == {"free"}
    assert "child" in share_of_rerun(tasks, "child", reuse_steps=False).left_out


def test_who_took_the_failure_of_what_it_spawned_for_an_answer_is_not_asked_again() -> None:
    child = past("child", parent="p", is_journaled=True, done=False)
    share = share_of_retry([past("p", joins=("child",)), child])
    assert (share.copied, share.again) == ({"p"}, {"child"})


def test_a_finished_task_that_needs_a_left_out_one_runs_again() -> None:
    tasks = [past("a"), past("child", parent="a"), past("join", "child")]
    share = share_of_rerun(tasks, "a", reuse_steps=False)
    assert (share.again, share.left_out) == ({"a", "join"}, {"child"})


def test_a_task_that_failed_elsewhere_runs_again_with_its_steps_when_another_is_chosen() -> None:
    tasks = [past("chosen"), past("failed", done=False), past("kept")]
    share = share_of_rerun(tasks, "chosen", reuse_steps=False)
    assert (share.copied, share.again, share.with_steps) == ({"kept"}, {"chosen", "failed"}, {"failed"})


def test_a_live_session_can_only_be_forked_and_a_good_one_not_retried() -> None:
    assert allowed_on("RUNNING") == ["fork"]
    assert allowed_on("COMPLETED") == ["rerun", "fork"]
    assert allowed_on("FAILED") == allowed_on("CANCELLED") == ["retry", "rerun", "fork"]
