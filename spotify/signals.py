"""What the other apps may listen to; this app knows none of them."""

from django.dispatch import Signal

# Questions of one `kind` about these `values` have been answered or have failed for good, or some of an answer is here
# while the rest is still being read (a list that nobody knew). Sent by the worker, after the commit, once for each call.
lookups_changed = Signal()
# An import has other albums than before, or has changed its state. Sent with `import_`, after the commit.
import_changed = Signal()
