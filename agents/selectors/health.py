"""How agents and the registry of their classes fare, for the health page."""

from django.db.models import Count

from agents import conf
from agents.models import Agent, AgentDefinition
from agents.selectors.registry import registry_report
from core.health import Finding, HealthStatus
from core.redaction import without_passwords


def check_registry() -> Finding:
    """Whether every module of agents could be loaded by this process."""
    report = registry_report()
    disabled = list(AgentDefinition.objects.filter(is_enabled=False).order_by("slug").values_list("slug", flat=True))
    failures = {module: without_passwords(reason) for module, reason in report.failures.items()}
    details = {"definitions": list(report.slugs), "disabled": disabled, "failures": failures}
    if report.failures:
        named = ", ".join(report.failures)
        sentence = f"These modules of AGENT_REGISTRY_MODULES could not be loaded: {named}. Mend them and restart."
        return Finding(HealthStatus.DEGRADED, sentence, details)
    return Finding(HealthStatus.OK, f"{len(report.slugs)} agent classes are loaded.", details)


def check_agents() -> Finding:
    """How many agents there are, by their status."""
    rows = Agent.objects.not_terminated().order_by().values_list("status").annotate(count=Count("id"))
    counts = dict(sorted(rows))
    details = {"enabled": conf.agents_enabled(), "by_status": counts}
    if not conf.agents_enabled():
        return Finding(HealthStatus.OK, "Agents are switched off (AGENTS_ENABLED=false).", details)
    words = ", ".join(f"{count} {status.lower()}" for status, count in counts.items())
    return Finding(HealthStatus.OK, f"Agents: {words or 'none'}.", details)
