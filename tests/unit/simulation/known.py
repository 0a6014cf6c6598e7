"""Moments too rare to be drawn often, kept since they once went wrong."""

from tests.unit.simulation.scenario import Behaviour, Command, Fault, Scenario, SessionPlan, TaskPlan

_PARKS_AT_TWO_SECONDS = Behaviour(steps=(("sleep", 2.0), ("progress", 1.0), ("sleep", 9.0), ("log", 1.0)))
_FAILS_FOR_NOW = Behaviour(end="retryable")

HAS_A_CHILD = SessionPlan(tasks=(TaskPlan(attempts=(Behaviour(steps=(("child", 1.0),)),) * 3),))


def _around_a_birth(*, read: str = "", write: str = "") -> tuple[Scenario, ...]:
    """The fault at one call after the other: one of them is the one that is meant."""
    return tuple(
        Scenario(
            sessions=(HAS_A_CHILD,),
            read_faults=((number, read),) if read else (),
            write_faults=((number, write, 1.0),) if write else (),
            hosts=1 if read else 2,
        )
        for number in range(1, 16)
    )


ANSWERED_EARLY = Scenario(
    sessions=(SessionPlan(tasks=(TaskPlan(attempts=(Behaviour(steps=(("both", 3.0),)),)),)),),
    hosts=1,
)
"""A child ends while its parent's agent is still busy with something else."""

BORN_LATE = _around_a_birth(read="lost_before")
"""The database does not answer when the child is to be made; its parent's agent has stopped by the time it does."""

BORN_UNHEARD = _around_a_birth(read="lost_after")
"""The child is made, but the answer that it is there gets lost: it is asked for again."""

CRASHED_BEFORE_BIRTH = _around_a_birth(write="crash_after")
"""The worker dies when it has committed that a child is wanted, and before it is made."""

RETAKEN_AT_ONCE = Scenario(
    sessions=(SessionPlan(tasks=(TaskPlan(attempts=(_PARKS_AT_TWO_SECONDS,)),)),),
    commands=(Command(1.0, 0, "pause"), Command(2.08, 0, "resume")),
    write_faults=((4, "lost_after", 1.0),),
    hosts=1,
)
"""The write that lets go of a parked session takes place, but before its runner knows the same host claims it again."""

WOKEN_TOO_EARLY = Scenario(
    sessions=(SessionPlan(tasks=(TaskPlan(attempts=(_FAILS_FOR_NOW, _FAILS_FOR_NOW)),)),),
    faults=(Fault(0.0, "store_clock", seconds=10.0),),
    hosts=1,
    seed=1,
)
"""The store's clock is 20 s ahead of the host's: a retry is due by the one long before it is by the other."""
