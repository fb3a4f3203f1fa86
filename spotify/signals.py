"""What the other apps may listen to; this app knows none of them."""

from django.dispatch import Signal

# A question has been answered or has failed for good. Sent by the worker with `lookup`, after the commit.
lookup_settled = Signal()
# Some of a question's answer is here, the rest is still being read: the first pages of a list that nobody knew. Sent by
# the worker with `lookup`.
lookup_grew = Signal()
# An import has other albums than before, or has changed its state. Sent with `import_`, after the commit.
import_changed = Signal()
