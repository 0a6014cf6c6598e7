"""What the apps above may listen to. Sent inside the transaction of the change; keyword: `project`."""

from django.dispatch import Signal

project_created = Signal()
project_deleting = Signal()
