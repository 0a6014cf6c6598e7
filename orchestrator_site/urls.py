"""All routes of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from agents.api.urls import urlpatterns as agents_api
from core.api import views as core_views
from documents.api.urls import urlpatterns as documents_api
from frontend.urls import urlpatterns as pages
from orchestrator_site.health import CHECKS
from sessions.api.stream import urlpatterns as streams_api
from sessions.api.urls import urlpatterns as sessions_api
from templates_app.api.urls import urlpatterns as templates_api
from workspaces.api.health import Health, Status
from workspaces.api.urls import urlpatterns as workspaces_api

admin.autodiscover()

# Every area adds its list here; all of them are served under /api/v1/ (documented) and the same under /api/.
api: list[URLPattern | URLResolver] = [
    *workspaces_api,
    *templates_api,
    *agents_api,
    *documents_api,
    *streams_api,
    *sessions_api,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("health", core_views.health, name="health"),
    path("health/ready", core_views.ready, name="health-ready"),
    path("health/detailed", Health.as_view(checks=CHECKS), name="health-detailed"),
    path("status", Status.as_view(checks=CHECKS), name="status"),
    path("api/v1/", include((api, "api"))),
    path("api/", include((api, "api"), namespace="api-latest")),
    path("admin/", admin.site.urls),
    *pages,
]

handler400 = "core.api.views.bad_request"
handler403 = "core.api.views.permission_denied"
handler404 = "core.api.views.page_not_found"
handler500 = "core.api.views.server_error"
