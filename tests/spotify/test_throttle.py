"""The limiter against a model of it, on the real Redis. Data is moved, not the clock, and nothing sleeps."""

import subprocess
import sys
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spotify.throttle import Closed, Granted, Throttle, Wait


@pytest.fixture
def make(redis):
    def make(**changes):
        name = uuid.uuid4().hex
        values = {
            "limit": 3,
            "window_seconds": 30,
            "call_seconds": 15,
            "daily_limit": 0,
            "pause_key": f"pause:{name}",
            "prefix": name,
        }
        return Throttle(redis, **(values | changes))

    return make


def move(redis, throttle, seconds):
    """Let time pass: everything in the window lies further back."""
    for call, score in redis.zrange(throttle.window_key, 0, -1, withscores=True):
        redis.zadd(throttle.window_key, {call: score - seconds * 1000})


def test_a_slot_is_free_one_window_after_its_call_ended(make, redis):
    throttle = make(limit=1)
    granted = throttle.acquire()
    assert isinstance(granted, Granted)
    # Not ended: it may reach Spotify until its time-out, and counts for a window from then.
    assert throttle.acquire() == Wait(pytest.approx(45, abs=0.5))
    throttle.release(granted)
    assert throttle.acquire() == Wait(pytest.approx(30, abs=0.5))
    move(redis, throttle, 29)
    assert throttle.acquire() == Wait(pytest.approx(1, abs=0.5))
    move(redis, throttle, 1.5)
    assert isinstance(throttle.acquire(), Granted)


def test_a_worker_that_died_gives_its_slot_back_in_the_end(make, redis):
    throttle = make(limit=1)
    assert isinstance(throttle.acquire(), Granted)
    move(redis, throttle, 45.5)
    assert isinstance(throttle.acquire(), Granted)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.one_of(st.just("call"), st.just("end"), st.integers(1, 40)), max_size=40),
)
def test_it_grants_what_a_plain_list_would_grant(make, redis, limit, steps):
    throttle = make(limit=limit)
    model: dict[str, float] = {}  # call -> when its slot is free
    now, running = 0.0, []
    for step in steps:
        if step == "call":
            free = limit - sum(at > now for at in model.values())
            verdict = throttle.acquire()
            assert isinstance(verdict, Granted) == (free > 0)
            if isinstance(verdict, Granted):
                model[verdict.call] = now + 45
                running.append(verdict)
            else:
                assert verdict.seconds == pytest.approx(min(at for at in model.values() if at > now) - now, abs=1)
        elif step == "end":
            if running:
                granted = running.pop()
                throttle.release(granted)
                if model[granted.call] > now:
                    model[granted.call] = now + 30
        else:
            # Halves of a second stay clear of the edges, where the real clock's milliseconds would decide.
            now += step + 0.5
            move(redis, throttle, step + 0.5)


def test_looking_takes_nothing(make):
    throttle = make(limit=1)
    assert [throttle.look().used for _ in range(3)] == [0, 0, 0]
    throttle.acquire()
    usage = throttle.look()
    assert (usage.used, usage.limit, usage.used_today) == (1, 1, 1)


def test_a_pause_stops_every_call_and_is_never_shortened(make):
    throttle = make()
    throttle.pause(100, "quota")
    throttle.pause(5, "window")
    assert throttle.acquire() == Closed("paused", pytest.approx(100, abs=1))
    assert throttle.look().pause_kind == "quota"
    throttle.pause(200, "window")
    assert throttle.acquire() == Closed("paused", pytest.approx(200, abs=1))
    assert throttle.resume() is True
    assert throttle.resume() is False
    assert isinstance(throttle.acquire(), Granted)


def test_a_pause_set_by_hand_without_an_end_holds(make, redis):
    throttle = make()
    redis.set(throttle.pause_key, "1")
    assert isinstance(throttle.acquire(), Closed)
    throttle.pause(5, "window")
    assert redis.ttl(throttle.pause_key) == -1
    assert throttle.look().pause_kind == "hand"


def test_the_day_is_a_second_window(make, redis):
    throttle = make(limit=100, daily_limit=3)
    assert all(isinstance(throttle.acquire(), Granted) for _ in range(3))
    closed = throttle.acquire()
    assert isinstance(closed, Closed)
    assert closed.reason == "spent"
    assert 24 * 3600 < closed.seconds <= 24 * 3600 + 600
    # A day later: the bucket lies further back.
    for bucket, calls in redis.hgetall(throttle.day_key).items():
        redis.hdel(throttle.day_key, bucket)
        redis.hset(throttle.day_key, str(int(bucket) - 146), calls)
    assert isinstance(throttle.acquire(), Granted)
    assert throttle.look().used_today == 1


_HAMMER = """
import sys, redis
from spotify.throttle import Granted, Throttle
url, prefix = sys.argv[1:]
t = Throttle(redis.Redis.from_url(url, decode_responses=True), limit=40, window_seconds=30, call_seconds=15, daily_limit=0,
             pause_key=prefix + "p", prefix=prefix)
print(sum(isinstance(t.acquire(), Granted) for _ in range(100)))
"""


def test_three_processes_together_get_the_limit_and_not_one_more(redis):
    from django.conf import settings as django

    prefix = uuid.uuid4().hex
    command = [sys.executable, "-c", _HAMMER, django.REDIS_URL, prefix]
    hammers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(hammer.communicate(timeout=30)[0]) for hammer in hammers) == 40
