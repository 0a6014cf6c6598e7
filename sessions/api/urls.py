"""Routes of `sessions` in the API."""

from django.urls import path

from sessions.api import communications, export, history, repeating, starting, tasks, views, why

urlpatterns = [
    *communications.urlpatterns,
    path("agents/execute", starting.Execute.as_view(), name="agents-execute"),
    path("agents/<uuid:agent_id>/execute", starting.ExecuteAgent.as_view(), name="agent-execute"),
    path("sessions", views.Sessions.as_view(), name="sessions"),
    path("sessions/<uuid:session_id>", views.OneSession.as_view(), name="session"),
    path("sessions/<uuid:session_id>/cancel", views.Cancel.as_view(), name="session-cancel"),
    path("sessions/<uuid:session_id>/pause", views.Pause.as_view(), name="session-pause"),
    path("sessions/<uuid:session_id>/resume", views.Resume.as_view(), name="session-resume"),
    path("sessions/<uuid:session_id>/retry", repeating.Retry.as_view(), name="session-retry"),
    path("sessions/<uuid:session_id>/rerun", repeating.RerunFrom.as_view(), name="session-rerun"),
    path("sessions/<uuid:session_id>/fork", repeating.ForkAt.as_view(), name="session-fork"),
    path("sessions/<uuid:session_id>/lineage", repeating.SessionLineage.as_view(), name="session-lineage"),
    path("sessions/<uuid:session_id>/why", why.Why.as_view(), name="session-why"),
    path("sessions/<uuid:session_id>/tasks", views.SessionTasks.as_view(), name="session-tasks"),
    path("sessions/<uuid:session_id>/children", views.SessionChildren.as_view(), name="session-children"),
    path("sessions/<uuid:session_id>/executions", views.SessionExecutions.as_view(), name="session-executions"),
    path("sessions/<uuid:session_id>/messages", views.SessionMessages.as_view(), name="session-messages"),
    path("sessions/<uuid:session_id>/commands", views.SessionCommands.as_view(), name="session-commands"),
    path("sessions/<uuid:session_id>/graph", views.SessionGraph.as_view(), name="session-graph"),
    path("sessions/<uuid:session_id>/verify", history.VerifySession.as_view(), name="session-verify"),
    path("sessions/<uuid:session_id>/export", export.session_export, name="session-export"),
    path("tasks", tasks.Tasks.as_view(), name="tasks"),
    path("tasks/<uuid:task_id>", tasks.OneTask.as_view(), name="task"),
    path("tasks/<uuid:task_id>/execute", tasks.ExecuteTask.as_view(), name="task-execute"),
    path("tasks/<uuid:task_id>/retry", repeating.RetryTask.as_view(), name="task-retry"),
]
