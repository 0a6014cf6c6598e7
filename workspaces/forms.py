"""The admin's login form."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from core.errors import LimitExceeded
from workspaces import services


class SlowAuthenticationForm(AuthenticationForm):
    """As unfold's, but passwords are guessed only slowly here too."""

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username", ""))
        ip = self.request.META.get("REMOTE_ADDR") or None if self.request else None
        try:
            services.check_login_allowed(username=username, ip=ip)
            cleaned: dict[str, Any] = super().clean()
        except LimitExceeded as error:
            raise ValidationError(error.message) from error
        except ValidationError:
            services.note_failed_login(username=username, ip=ip)
            raise
        services.clear_failed_logins(username=username, ip=ip)
        return cleaned
