"""What the other apps may listen to; this app knows none of them."""

from django.dispatch import Signal

# A question has been answered or has failed for good. Sent by the worker with `lookup`, after the commit.
lookup_settled = Signal()
# An import has its list, or has changed its state. Sent with `import_`, after the commit.
import_changed = Signal()
