"""One run: all systems in turn, round after round; a system that fails is noted and the others go on."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.peers.systems import Ours, Peer, Round, Skipped

System = Ours | Peer


@dataclass
class Findings:
    """What a run has brought, as it is written to the JSON file."""

    systems: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, system: str, number: int, told: dict[str, Any]) -> None:
        about = self.systems.setdefault(system, {"results": []})
        if "configuration" in told:
            about.update(told)
        elif "failed" in told:
            self.note(system, f"{told['failed']} failed in round {number}: {str(told['why'])[:200]}")
        elif "name" in told:
            about["results"].append({"round": number, **told})

    def note(self, system: str, text: str) -> None:
        """Kept beside the figures; a later one is added."""
        about = self.systems.setdefault(system, {"results": []})
        about["note"] = f"{about['note']}; {text}" if about.get("note") else text


def run(
    systems: Sequence[System], rounds: Sequence[Round], say: Callable[[str], None], findings: Findings | None = None
) -> Findings:
    """Every system once a round; all are closed at the end, whatever happened."""
    findings = findings if findings is not None else Findings()
    try:
        living = [system for system in systems if _prepared(system, findings, say)]
        for asked in rounds:
            for system in living:
                _measure(system, asked, findings, say)
    finally:
        for system in systems:
            _closed(system, say)
    return findings


def _prepared(system: System, findings: Findings, say: Callable[[str], None]) -> bool:
    findings.systems.setdefault(system.name, {"results": []})
    try:
        system.prepare()
    except Skipped as reason:
        findings.note(system.name, f"skipped: {reason}")
        say(f"{system.name}: skipped, {reason}")
        return False
    except Exception as error:  # noqa: BLE001  (the others can still be measured)
        findings.note(system.name, f"could not be prepared: {_last_line(error)}")
        say(f"{system.name}: could not be prepared: {error}")
        return False
    return True


def _measure(system: System, asked: Round, findings: Findings, say: Callable[[str], None]) -> None:
    started = time.perf_counter()
    try:
        for told in system.measure(asked):
            findings.add(system.name, asked.number, told)
    except Exception as error:  # noqa: BLE001  (a peer that fails must not stop the run)
        findings.note(system.name, f"failed in round {asked.number}: {_last_line(error)}")
        say(f"round {asked.number}: {system.name} failed: {error}")
    else:
        say(f"round {asked.number}: {system.name}, {time.perf_counter() - started:.0f} s")


def _closed(system: System, say: Callable[[str], None]) -> None:
    try:
        system.close()
    except Exception as error:  # noqa: BLE001  (the others must be closed too)
        say(f"{system.name}: could not be closed: {error}")


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def values_of(systems: dict[str, dict[str, Any]]) -> dict[str, dict[str, list[list[float]]]]:
    """System -> measure -> one series for each round (those of one round together)."""
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    for system, about in systems.items():
        for result in about["results"]:
            of_round = found.setdefault(system, {}).setdefault(result["name"], {})
            of_round.setdefault(result["round"], []).extend(result["values"])
    return {system: {name: list(rounds.values()) for name, rounds in names.items()} for system, names in found.items()}


def ways_of(about: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Workload -> way -> in how many rounds it was the best, for the workloads with more than one way seen."""
    counted: dict[str, Counter[str]] = {}
    for result in about["results"]:
        if "way" in result:
            counted.setdefault(result["name"], Counter())[result["way"]] += 1
    return {name: dict(ways.most_common()) for name, ways in counted.items()}


def processor_of(systems: dict[str, dict[str, Any]], sessions: int) -> dict[str, list[float | None]]:
    """Processor seconds a session: of the system, of a client and a database that are counted apart (else None)."""
    found: dict[str, list[float | None]] = {}
    for system, about in systems.items():
        done = [result for result in about["results"] if result["name"] == "sessions" and "cpu_seconds" in result]
        if not done:
            continue
        count = sum(len(result["values"]) * result.get("sessions", sessions) for result in done)
        keys = ("cpu_seconds", "client_cpu_seconds", "database_cpu_seconds")
        found[system] = [
            sum(result[key] for result in done) / count if all(key in result for result in done) else None
            for key in keys
        ]
    return found
