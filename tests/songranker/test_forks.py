"""A worker's child is forked while a thread of its parent (the heartbeat) may be using Redis or counting."""

import os
import signal
import threading
from contextlib import contextmanager

from songranker import metrics
from songranker.redis import connection
from tests.processes import until


def fork(work):
    """Run something in a forked child; fails where it does not end well within seconds."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    try:
        _, status = until(
            "the child has ended", lambda: (lambda ended: ended[0] and ended)(os.waitpid(pid, os.WNOHANG)), 5
        )
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    assert os.waitstatus_to_exitcode(status) == 0


@contextmanager
def held_by_a_thread(lock):
    taken, done = threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(5)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_child_can_use_redis_whatever_its_parent_was_doing(redis):
    pool = connection().connection_pool
    with held_by_a_thread(pool._lock):
        fork(lambda: connection().ping())
    assert connection().connection_pool is pool
    assert connection().ping()


def test_a_child_counts_for_itself(redis):
    def count():
        metrics.count("votes", 1)
        metrics.flush()

    metrics.count("votes", 5)
    with held_by_a_thread(metrics._lock):
        fork(count)
    metrics.flush()
    (votes,) = [value for field, value in redis.hgetall(metrics.KEY).items() if '"votes"' in field]
    assert float(votes) == 6
