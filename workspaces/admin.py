"""Tenancy in the admin: operators act as owners of every workspace, by the same services, into the same audit log."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.admin import ReadOnlyAdmin, ServiceAdmin
from workspaces import conf, services
from workspaces.models import ApiKey, AuditEntry, IdempotentRequest, Membership, Project, Workspace
from workspaces.operators import operator
from workspaces.states import Role

admin.site.unregister(User)
admin.site.unregister(Group)


class ProjectInline(TabularInline):
    model = Project
    fields = ["name", "slug", "is_default"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Workspace)
class WorkspaceAdmin(ServiceAdmin):
    list_display = ["name", "slug", "max_concurrent_executions", "retention_days", "created_at"]
    search_fields = ["name", "slug"]
    readonly_fields = ["slug", "created_at", "updated_at"]
    inlines = [ProjectInline, MembershipInline]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        limit = conf.max_concurrent_executions()
        return {"max_concurrent_executions": limit, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        if change:
            services.update_workspace(access=operator(request, obj.id), workspace_id=obj.id, **form.cleaned_data)
            return
        assert isinstance(request.user, User)
        made = services.create_workspace(owner=request.user, **form.cleaned_data)
        obj.pk, obj.slug = made.pk, made.slug

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(ServiceAdmin):
    list_display = ["name", "workspace", "is_default", "created_at"]
    list_filter = ["workspace", "is_default"]
    search_fields = ["name", "slug", "workspace__name"]
    list_select_related = ["workspace"]
    readonly_fields = ["slug", "created_at", "updated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, "workspace"] if obj else [*self.readonly_fields, "is_default"]

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        access = operator(request, obj.workspace_id)
        if change:
            services.update_project(access=access, project_id=obj.id, **form.cleaned_data)
            return
        obj.pk = services.create_project(access=access, name=obj.name, workspace_id=obj.workspace_id).pk

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        services.delete_project(access=operator(request, obj.workspace_id), project_id=obj.id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:
            self.delete_model(request, project)


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    list_display = ["user", "workspace", "role", "created_at"]
    list_filter = ["workspace", "role"]
    search_fields = ["user__username", "workspace__name"]
    list_select_related = ["user", "workspace"]
    readonly_fields = ["created_at", "updated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, "user", "workspace"] if obj else [*self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        access, workspace, role = operator(request, obj.workspace_id), obj.workspace_id, Role(obj.role)
        if change:
            services.change_role(access=access, workspace_id=workspace, member_id=obj.id, role=role)
            return
        name = obj.user.get_username()
        obj.pk = services.add_member(access=access, workspace_id=workspace, username=name, role=role).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        access = operator(request, obj.workspace_id)
        services.remove_member(access=access, workspace_id=obj.workspace_id, member_id=obj.id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    """A key is shown once, after it was made; its hash never."""

    list_display = ["name", "prefix", "workspace", "role", "created_by", "expires_at", "last_used_at", "revoked_at"]
    list_filter = ["workspace", "role"]
    search_fields = ["name", "prefix"]
    list_select_related = ["workspace", "created_by"]
    fields = ["workspace", "name", "role", "expires_at"]
    actions = ["revoke"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("name", "expires_at")}
        key, secret = services.create_key(
            access=operator(request, obj.workspace_id),
            workspace_id=obj.workspace_id,
            role=Role(obj.role),
            **values,
        )
        obj.pk = key.pk
        self.message_user(request, f"The key is {secret} . It is not shown again.", messages.WARNING)

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            services.revoke_key(access=operator(request, key.workspace_id), key_id=key.id)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "workspace", "actor", "action", "object_type", "object_id", "ip"]
    list_filter = ["workspace", "action", "object_type"]
    search_fields = ["actor", "action", "object_id"]
    list_select_related = ["workspace"]
    date_hierarchy = "created_at"


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    """Which calls came with an `Idempotency-Key` in the last day. The answers themselves are the callers' own."""

    list_display = ["claimed_at", "caller", "operation", "key", "status_code", "expires_at"]
    search_fields = ["caller", "operation", "key"]
    exclude = ["body", "headers"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People leave by "active" unticked: a deleted owner would leave a workspace that nobody owns."""
        return False


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass
