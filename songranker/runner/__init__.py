"""`make run`: the Procfile's processes on one machine, with what a laptop lacks."""
