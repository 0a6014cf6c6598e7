"""The sessions that are measured: scripted tasks that do nothing, in four shapes."""

from sessions.request import SessionRequest, TaskRequest

AGENT = "seeded"


def single() -> SessionRequest:
    return _session([_task("only")])


def chain(length: int) -> SessionRequest:
    names = [f"t{number}" for number in range(length)]
    return _session([_task(name, *names[:number][-1:]) for number, name in enumerate(names)])


def fan_out(width: int) -> SessionRequest:
    """`width` tasks at once, and one that waits for all."""
    names = [f"t{number}" for number in range(width)]
    return _session([*(_task(name) for name in names), _task("join", *names)], at_once=width)


def diamond(width: int) -> SessionRequest:
    """One task, `width` after it, one after these."""
    names = [f"t{number}" for number in range(width)]
    return _session([_task("first"), *(_task(name, "first") for name in names), _task("join", *names)])


def paced_chain(length: int, pause: float) -> SessionRequest:
    """A chain whose tasks take `pause` seconds each."""
    names = [f"t{number}" for number in range(length)]
    order = {"sleep": pause}
    return _session(
        [
            TaskRequest(name=name, agent=AGENT, input_data=order, depends_on=names[:number][-1:])
            for number, name in enumerate(names)
        ]
    )


def sleeping(seconds: float) -> SessionRequest:
    return _session([TaskRequest(name="sleeps", agent=AGENT, input_data={"sleep": seconds})])


def _task(name: str, *after: str) -> TaskRequest:
    return TaskRequest(name=name, agent=AGENT, input_data={"say": name}, depends_on=after)


def _session(tasks: list[TaskRequest], at_once: int = 10) -> SessionRequest:
    return SessionRequest(task_description="a measured session", tasks=tasks, max_concurrent_tasks=at_once)
