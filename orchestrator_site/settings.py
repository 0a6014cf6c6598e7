"""Django settings: wires only. Every value that may differ between installations comes from `env.py`."""

from datetime import timedelta
from typing import Any

from django.templatetags.static import static

from orchestrator_site import env
from orchestrator_site.logs import configure_logging
from orchestrator_site.version import version

BASE_DIR = env.BASE_DIR
DATA_DIR = env.writable_folder("DATA_DIR")

DEBUG = env.read("DEBUG")
SECRET_KEY = env.read("SECRET_KEY") or env.stored_secret(DATA_DIR / "secret_key")
ALLOWED_HOSTS = env.allowed_hosts(env.read("ALLOWED_HOSTS"), env.read("SERVICE_HOST"))
CSRF_TRUSTED_ORIGINS = env.read("CSRF_TRUSTED_ORIGINS")
REDIS_URL = env.read("REDIS_URL")
SERVICE_HOST = env.read("SERVICE_HOST")
SERVICE_PORT = env.read("SERVICE_PORT")
STATUS_ALLOWED_ADDRESSES = env.read("STATUS_ALLOWED_ADDRESSES")
VERSION = version()

INSTALLED_APPS = [
    "channels",
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",  # the worker needs no admin pages: urls.py finds them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "workspaces",
    "documents",
    "templates_app",
    "agents",
    "sessions",
    "frontend",
    "orchestrator_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.ContentSecurityPolicy",
    "core.middleware.PageForRefusedMethods",
    "workspaces.middleware.AccessMiddleware",
    "core.middleware.NoNulInAddresses",  # after the others: the page that says no shows who is logged in
]

ROOT_URLCONF = "orchestrator_site.urls"
ASGI_APPLICATION = "orchestrator_site.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "frontend.place.page_context",
            ],
        },
    },
]

DATABASES = {"default": env.database(env.read("DATABASE_URL"), DATA_DIR)}
WEB_DATABASE_CONNECTIONS = env.read("WEB_DATABASE_CONNECTIONS")
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.read("SECURE_COOKIES")
SESSION_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static_build"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "frontend.finders.VendorFinder",
]
MEDIA_ROOT = DATA_DIR / "files"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "frontend.storage.PageStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
MAX_UPLOAD_BYTES = env.read("MAX_UPLOAD_BYTES")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 200

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "workspaces.api.authentication.BearerAuthentication",
        "workspaces.api.authentication.ApiKeyAuthentication",
        "workspaces.api.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.Page",
    "EXCEPTION_HANDLER": "core.api.exceptions.handle_exception",
    "DEFAULT_SCHEMA_CLASS": "workspaces.api.schema.DoorSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "SIGNING_KEY": env.read("JWT_SECRET") or SECRET_KEY,
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token given for the old one
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Agent Orchestrator",
    "DESCRIPTION": (
        "Register agents, run sessions, follow them live.\n\nWho is signed in to the pages may try every call here at "
        "once. Programs send `Authorization: Bearer …` with the `access` of `POST /api/v1/auth/token`, or an API key "
        "as `X-API-Key`. What is refused answers `{code, message, details}`, and `message` says how to mend it."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "PREPROCESSING_HOOKS": ["core.api.schema.only_version_one"],
    # Enums stay where they are used: as components of their own, half of them would need a name given by hand.
    "POSTPROCESSING_HOOKS": ["core.api.schema.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
}

CHANNEL_LAYERS: dict[str, Any] = {
    "default": (
        {
            # One round trip a hint; the other layer takes five, to keep what our streams find in the log anyway.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [
                    {
                        "address": REDIS_URL,
                        "socket_timeout": 15,
                        "socket_connect_timeout": 2,
                        "socket_keepalive": True,
                        "health_check_interval": 10,
                    }
                ],
            },
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: the engine in the worker needs no broker
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 5} if REDIS_URL else {}
CELERY_TASK_DEFAULT_QUEUE = "celery"
if REDIS_URL:
    from kombu.common import Broadcast  # not without Redis: only the worker needs Celery then
    from kombu.entity import Exchange, Queue

    # A doorbell rings at every worker (the owner of a session may be any of them), and is forgotten when none is there.
    # The sender must declare the exchange itself and both must name the key: Celery takes a broadcast for direct
    # otherwise.
    _doorbells = Exchange("doorbells", type="fanout")  # type: ignore[no-untyped-call]
    CELERY_TASK_QUEUES = (Queue("celery"), Broadcast("doorbells", routing_key="ring"))  # type: ignore[no-untyped-call]
    CELERY_TASK_ROUTES = {
        "sessions.tasks.poke": {"exchange": "doorbells", "routing_key": "ring", "declare": [_doorbells]}
    }
CELERY_BEAT_SCHEDULE = {"housekeeping": {"task": "sessions.tasks.keep_house", "schedule": timedelta(seconds=60)}}

AGENTS_ENABLED = env.read("AGENTS_ENABLED")
AGENT_REGISTRY_MODULES = env.read("AGENT_REGISTRY_MODULES")
AGENT_MAX_CONCURRENCY = env.read("AGENT_MAX_CONCURRENCY")
AGENT_CONTEXT_HISTORY_LIMIT = env.read("AGENT_CONTEXT_HISTORY_LIMIT")
AGENT_CHECKPOINT_LIMIT = env.read("AGENT_CHECKPOINT_LIMIT")
AGENT_HOOK_TIMEOUT_SECONDS = env.read("AGENT_HOOK_TIMEOUT_SECONDS")
AGENT_HEARTBEAT_TIMEOUT_SECONDS = env.read("AGENT_HEARTBEAT_TIMEOUT_SECONDS")
ENGINE_ENABLED = env.read("ENGINE_ENABLED")
ENGINE_MAX_SESSIONS = env.read("ENGINE_MAX_SESSIONS")
ENGINE_MAX_EXECUTIONS = env.read("ENGINE_MAX_EXECUTIONS")
ENGINE_LEASE_SECONDS = env.read("ENGINE_LEASE_SECONDS")
QUEUE_LIMIT = env.read("QUEUE_LIMIT")
ENGINE_GRACE_SECONDS = env.read("ENGINE_GRACE_SECONDS")
PLACEMENT_PROCESSES = env.read("PLACEMENT_PROCESSES")
RETENTION_EXPORT_DIR = env.read("RETENTION_EXPORT_DIR") or DATA_DIR / "exports"

UNFOLD = {
    "SITE_TITLE": "Agent Orchestrator",
    "SITE_HEADER": "Agent Orchestrator",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("frontend/icon.svg")},
    ],
    "STYLES": [lambda request: static("frontend/admin.css")],
    "LOGIN": {"form": "workspaces.forms.SlowAuthenticationForm"},
}

LOGGING_CONFIG = None
configure_logging(env.read("LOG_LEVEL"))
