"""One world in one line: `make.workspace()`, `make.agent()`, `make.session(tasks=3)`: rows as services leave them."""

from itertools import count
from typing import Any

from django.contrib.auth.models import User

from agents.models import Agent, AgentDefinition
from sessions.models import AgentSession, AgentTask, TaskDependency
from workspaces.models import Membership, Project, Workspace
from workspaces.states import Role

_numbers = count(1)


class Make:
    """Builds rows, filling in whatever the test does not care about."""

    def user(self, **fields: Any) -> User:
        fields.setdefault("username", f"user{next(_numbers)}")
        return User.objects.create_user(password="secret-enough-1", **fields)

    def workspace(self, **fields: Any) -> Workspace:
        number = next(_numbers)
        workspace = Workspace.objects.create(**{"name": f"Workspace {number}", "slug": f"workspace-{number}", **fields})
        Project.objects.create(workspace=workspace, name="Default", slug="default", is_default=True)
        return workspace

    def project(self, workspace: Workspace | None = None) -> Project:
        return (workspace or self.workspace()).projects.get(is_default=True)

    def member(self, workspace: Workspace, role: Role = Role.MEMBER) -> User:
        user = self.user()
        Membership.objects.create(workspace=workspace, user=user, role=role)
        return user

    def definition(self, slug: str = "scripted", **fields: Any) -> AgentDefinition:
        defaults = {"name": slug, "agent_type": "CUSTOM", "capabilities": [slug], "source_module": "agents.builtin"}
        return AgentDefinition.objects.get_or_create(slug=slug, defaults={**defaults, **fields})[0]

    def agent(self, project: Project | None = None, definition: str = "scripted", **fields: Any) -> Agent:
        project = project or self.project()
        row = self.definition(definition)
        values = {
            "name": f"{definition}-{next(_numbers)}",
            "type": row.agent_type,
            "capabilities": row.capabilities,
            "state_detail": "ACTIVE",
            "status": "ACTIVE",
            **fields,
        }
        return Agent.objects.create(workspace=project.workspace, project=project, definition=row, **values)

    def session(
        self, project: Project | None = None, *, tasks: int = 0, agent: Agent | None = None, **fields: Any
    ) -> AgentSession:
        """A PENDING session in `dag` mode with `tasks` independent scripted tasks and no events yet."""
        project = project or (agent.project if agent else self.project())
        values = {"title": "A session", "task_description": "Do it", "execution_mode": "dag", **fields}
        session = AgentSession.objects.create(workspace=project.workspace, project=project, **values)
        if tasks:
            agent = agent or self.agent(project)
        for number in range(tasks):
            self.task(session, name=f"task-{number + 1}", agent=agent, ordinal=number)
        return session

    def task(self, session: AgentSession, *, after: list[AgentTask] | None = None, **fields: Any) -> AgentTask:
        values = {"name": f"task-{next(_numbers)}", "task_type": "scripted", **fields}
        task = AgentTask.objects.create(session=session, **values)
        for earlier in after or []:
            TaskDependency.objects.create(task=task, depends_on=earlier)
        return task
