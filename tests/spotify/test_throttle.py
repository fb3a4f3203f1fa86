"""The limiter against a model of it, on the real Redis. Data is moved, not the clock, and nothing sleeps."""

import subprocess
import sys
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spotify import throttle as module
from spotify.throttle import PERSON, Closed, Granted, Place, Snapshot, Throttle, Wait

IMPORT, REFRESH = Place(bulk=True, handicap_seconds=10), Place(bulk=True, handicap_seconds=20)


class InMemory:
    """A memory that outlives Redis."""

    def __init__(self):
        self.kept = Snapshot()

    def load(self):
        return self.kept

    def save(self, snapshot):
        self.kept = snapshot


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
        memory = changes.pop("memory", None) or InMemory()
        return Throttle(redis, memory, **(values | changes))

    return make


def take(throttle, place=PERSON, call=None):
    return throttle.acquire(call or uuid.uuid4().hex, place)


def call(throttle, outcome="answered"):
    """One whole call."""
    granted = take(throttle)
    assert isinstance(granted, Granted), granted
    if outcome == "refused":
        throttle.pause(granted, None, "window")
    throttle.release(granted, outcome)
    return granted


def move(redis, throttle, seconds):
    """Let time pass: everything that Redis knows lies further back."""
    by = int(seconds * 1000)
    for name, score in redis.zrange(throttle.window_key, 0, -1, withscores=True):
        redis.zadd(throttle.window_key, {name: score - by})
    for field in ("opened_at", "probe_until", "reviewed_at", "failing_since"):
        if redis.hget(throttle.state_key, field):
            redis.hincrby(throttle.state_key, field, -by)
    for name, value in redis.hgetall(throttle.waiting_key).items():
        since, seen, bulk = value.split()
        redis.hset(throttle.waiting_key, name, f"{int(since) - by} {int(seen) - by} {bulk}")
    left = redis.pttl(throttle.pause_key)
    if left > by:
        redis.pexpire(throttle.pause_key, left - by)
    elif left > 0:
        redis.delete(throttle.pause_key)
    text, known = throttle._read_budget()
    if text:
        from dataclasses import asdict, replace

        earlier = replace(known, window_since=known.window_since - seconds, day_since=known.day_since - seconds)
        levels = {name: replace(getattr(known, name), retest_at=getattr(known, name).retest_at - seconds) for name in ("window", "day")}  # fmt: skip
        import json

        redis.hset(throttle.state_key, "budget", json.dumps(asdict(replace(earlier, **levels))))


def open_wide(redis, throttle):
    """Past the slow opening after a pause, with an empty window."""
    call(throttle)
    move(redis, throttle, 100)


# --- the window ---


def test_a_slot_is_free_one_window_after_its_call_ended(make, redis):
    throttle = make(limit=1)
    granted = take(throttle)
    assert isinstance(granted, Granted)
    # Not ended: it may reach Spotify until its time-out, and counts for a window from then.
    assert take(throttle) == Wait(pytest.approx(45, abs=0.5))
    throttle.release(granted, "answered")
    assert take(throttle) == Wait(pytest.approx(30, abs=0.5))
    move(redis, throttle, 29)
    assert take(throttle) == Wait(pytest.approx(1, abs=0.5))
    move(redis, throttle, 5)
    assert isinstance(take(throttle), Granted)


def test_a_worker_that_died_gives_its_slot_back_in_the_end(make, redis):
    throttle = make(limit=1)
    assert isinstance(take(throttle), Granted)
    move(redis, throttle, 45.5)
    assert isinstance(take(throttle), Granted)


class Model:
    """What the script should say, as plain lists in Python."""

    def __init__(self, limit):
        self.limit = limit
        self.slots: dict[str, float] = {}
        self.waiting: dict[str, tuple[float, float, bool]] = {}  # call -> since, seen, bulk

    def edge(self, now):
        """Is it so close to a border that a millisecond of the real clock decides?"""
        times = [*self.slots.values(), *(seen + 3 for _, seen, _ in self.waiting.values())]
        return any(abs(at - now) < 0.03 for at in times)

    def used(self, now):
        return sum(at > now for at in self.slots.values())

    def acquire(self, name, place, now):
        """None where granted, else the seconds to wait (None, too, where others go first)."""
        used, bulk_share = self.used(now), max(1, int(self.limit * 0.8))
        share = bulk_share if place.bulk else self.limit
        self.waiting = {n: w for n, w in self.waiting.items() if n == name or now - w[1] <= 3}
        mine = min(now + place.handicap_seconds, self.waiting.get(name, (float("inf"),))[0])
        ahead = [bulk for n, (since, _, bulk) in self.waiting.items() if n != name and since < mine]
        people, bulks = ahead.count(False), ahead.count(True)
        if not place.bulk:
            bulks = min(bulks, max(0, bulk_share - used))
        if used < share and share - used > people + bulks:
            self.waiting.pop(name, None)
            self.slots[name] = now + 45
            return True
        self.waiting[name] = (mine, now, place.bulk)
        return False


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 6),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.sampled_from([PERSON, PERSON, IMPORT, REFRESH])),
            st.tuples(st.just("again"), st.integers(0, 5)),
            st.tuples(st.just("end"), st.just(0)),
            st.tuples(st.just("time"), st.sampled_from([0.3, 0.9, 2.1, 7, 13, 29, 40])),
        ),
        max_size=50,
    ),
)
def test_it_grants_what_plain_lists_would_grant(make, redis, limit, steps):
    throttle, model = make(limit=limit), Model(limit)
    throttle.look()
    moved, running, places = 0.0, [], {}

    def clock():
        seconds, micros = redis.time()
        return moved + seconds + micros / 1e6

    def ask(name, place):
        now = clock()
        if model.edge(now):
            return False
        verdict = throttle.acquire(name, place)
        assert isinstance(verdict, Granted | Wait)
        assert isinstance(verdict, Granted) == model.acquire(name, place, now)
        if isinstance(verdict, Granted):
            running.append(verdict)
            places.pop(name, None)
        else:
            places[name] = place
        return True

    for what, value in steps:
        if what == "call":
            if not ask(uuid.uuid4().hex, value):
                return
        elif what == "again" and places:
            name = sorted(places)[value % len(places)]
            if not ask(name, places[name]):
                return
        elif what == "end" and running:
            granted = running.pop()
            throttle.release(granted, "answered")
            model.slots[granted.call] = clock() + 30
        elif what == "time":
            moved += value
            move(redis, throttle, value)
    assert throttle.look().used == model.used(clock())


def test_who_came_first_goes_first(make, redis):
    throttle = make(limit=1)
    call(throttle)
    assert isinstance(take(throttle, call="first"), Wait)
    move(redis, throttle, 0.1)
    assert isinstance(take(throttle, call="second"), Wait)
    move(redis, throttle, 29)
    take(throttle, call="first")
    take(throttle, call="second")
    move(redis, throttle, 1)
    assert isinstance(take(throttle, call="second"), Wait)
    assert isinstance(take(throttle, call="first"), Granted)


def test_a_person_goes_before_bulk_work_but_does_not_starve_it(make, redis):
    throttle = make(limit=1)
    call(throttle)
    assert isinstance(take(throttle, REFRESH, "refresh"), Wait)
    move(redis, throttle, 1)
    assert isinstance(take(throttle, IMPORT, "import"), Wait)
    assert isinstance(take(throttle, PERSON, "person"), Wait)
    for _ in range(15):  # they go on asking, as workers do
        move(redis, throttle, 2)
        if isinstance(take(throttle, REFRESH, "refresh"), Granted):
            raise AssertionError("the refresh went first")
        if isinstance(take(throttle, PERSON, "person"), Granted):
            break
        take(throttle, IMPORT, "import")
    else:
        raise AssertionError("the person never went")
    # A person who comes long after the import waits for it.
    take(throttle, IMPORT, "import")
    take(throttle, PERSON, "latecomer")
    for _ in range(25):
        move(redis, throttle, 2)
        late = take(throttle, PERSON, "latecomer")
        assert not isinstance(late, Granted), "bulk work starves"
        if isinstance(take(throttle, IMPORT, "import"), Granted):
            break
    else:
        raise AssertionError("the import never went")


def test_bulk_work_leaves_a_fifth_to_people(make):
    throttle = make(limit=10)
    assert sum(isinstance(take(throttle, IMPORT), Granted) for _ in range(20)) == 8
    assert sum(isinstance(take(throttle), Granted) for _ in range(20)) == 2


def test_bulk_work_that_may_not_go_holds_nobody_up(make):
    throttle = make(limit=10)
    for _ in range(8):
        take(throttle, IMPORT)
    assert isinstance(take(throttle, IMPORT, "waits"), Wait)
    assert isinstance(take(throttle), Granted)


def test_looking_takes_nothing(make):
    throttle = make(limit=1)
    assert [throttle.look().used for _ in range(3)] == [0, 0, 0]
    take(throttle)
    usage = throttle.look()
    assert (usage.used, usage.limit, usage.used_today) == (1, 1, 1)


# --- the day ---


def test_the_day_is_a_second_window(make, redis):
    throttle = make(limit=100, daily_limit=3)
    assert all(isinstance(take(throttle), Granted) for _ in range(3))
    closed = take(throttle)
    assert isinstance(closed, Closed)
    assert closed.reason == "spent"
    assert 24 * 3600 < closed.seconds <= 24 * 3600 + 600
    # A day later: the bucket lies further back.
    for bucket, calls in redis.hgetall(throttle.day_key).items():
        redis.hdel(throttle.day_key, bucket)
        redis.hset(throttle.day_key, str(int(bucket) - 146), calls)
    assert isinstance(take(throttle), Granted)
    assert throttle.look().used_today == 1


def test_bulk_work_stops_at_four_fifths_of_the_day(make, redis):
    throttle = make(limit=100, daily_limit=10)
    assert sum(isinstance(take(throttle, IMPORT), Granted) for _ in range(10)) == 8
    assert take(throttle, IMPORT).reason == "spent"
    assert throttle.look(IMPORT).spent_seconds > 0
    assert throttle.look().spent_seconds == 0
    assert sum(isinstance(take(throttle), Granted) for _ in range(10)) == 2
    assert take(throttle).reason == "spent"


def test_a_spent_day_says_when_enough_of_it_is_old(make, redis):
    """Bulk work needs three calls to grow old, not one: an hour and more later than the first of them."""
    throttle = make(limit=100, daily_limit=10)
    throttle.look()
    now = int(redis.time()[0]) // 600
    redis.hset(throttle.day_key, mapping={str(now - 100): 1, str(now - 94): 1, str(now - 60): 8})
    seconds = take(throttle, IMPORT).seconds
    assert (145 - 60 - 1) * 600 <= seconds <= (145 - 60) * 600
    assert (145 - 100 - 1) * 600 <= take(throttle).seconds <= (145 - 100) * 600


# --- pauses ---


def test_a_pause_stops_every_call_and_is_never_shortened(make):
    throttle = make()
    one, two = take(throttle), take(throttle)
    assert throttle.pause(one, 100, "quota") == pytest.approx(104, abs=3)
    throttle.pause(two, 5, "window")
    assert take(throttle) == Closed("quota", pytest.approx(104, abs=3))
    assert throttle.look().pause_kind == "quota"
    throttle.pause(two, 200, "window")
    assert take(throttle) == Closed("window", pytest.approx(201, abs=1))
    assert throttle.resume() is True
    assert throttle.resume() is False


def test_a_pause_set_by_hand_without_an_end_holds(make, redis):
    throttle = make()
    granted = take(throttle)
    redis.set(throttle.pause_key, "1")
    assert take(throttle) == Closed("hand", pytest.approx(60))
    throttle.pause(granted, 5, "window")
    assert redis.ttl(throttle.pause_key) == -1
    assert throttle.look().pause_kind == "hand"


def test_without_a_usable_retry_after_it_is_30_seconds_doubling_to_15_minutes(make, redis):
    throttle = make(limit=50)
    said = []
    for _ in range(7):
        granted = take(throttle)
        said.append(throttle.pause(granted, None, "window"))
        throttle.release(granted, "refused")
        move(redis, throttle, said[-1] + 50)
    # The margin doubles, too: each of these was the probe after a pause.
    margins = [1, 2, 4, 8, 16, 32, 60]
    assert [s - m for s, m in zip(said, margins, strict=True)] == pytest.approx(
        [30, 60, 120, 240, 480, 900, 900], abs=1
    )
    call(throttle)  # an answer: all is well again
    assert throttle.pause(take(throttle), None, "window") == pytest.approx(31, abs=1)


def test_after_a_pause_one_call_probes_then_the_window_opens(make, redis):
    throttle = make(limit=8)
    call(throttle, "refused")
    move(redis, throttle, 32)
    probe = take(throttle)
    assert isinstance(probe, Granted)
    assert [type(take(throttle)) for _ in range(3)] == [Wait] * 3
    throttle.release(probe, "answered")
    # A quarter of what is left of the budget (the refusal lowered it), then more, in the end all.
    budget = throttle.known_budget().window.calls()
    assert throttle.look().limit == max(1, budget // 4)
    move(redis, throttle, 15)
    assert budget // 4 < throttle.look().limit < budget
    move(redis, throttle, 16)
    assert throttle.look().limit == budget


def test_a_probe_whose_worker_dies_is_followed_by_another(make, redis):
    throttle = make(limit=50)
    call(throttle, "refused")
    move(redis, throttle, 32)
    assert isinstance(take(throttle), Granted)
    assert isinstance(take(throttle), Wait)
    move(redis, throttle, 15.5)
    assert isinstance(take(throttle), Granted)


def test_a_probe_that_fails_is_followed_by_another(make, redis):
    throttle = make(limit=50)
    call(throttle, "refused")
    move(redis, throttle, 32)
    call(throttle, "failed")
    second = take(throttle)
    assert isinstance(second, Granted)
    assert isinstance(take(throttle), Wait)


# --- the breaker ---


def test_a_run_of_failures_opens_the_breaker_and_one_answer_closes_it(make, redis):
    throttle = make(limit=100)
    opened = []
    for _ in range(module.BREAKER_FAILURES):
        granted = take(throttle)
        opened.append(throttle.release(granted, "failed"))
    assert opened == [False] * (module.BREAKER_FAILURES - 1) + [True]
    assert take(throttle) == Closed("outage", pytest.approx(30, abs=1))
    move(redis, throttle, 31)
    probe = take(throttle)
    assert throttle.release(probe, "failed")  # one is enough now
    assert take(throttle) == Closed("outage", pytest.approx(30, abs=1))
    move(redis, throttle, 31)
    call(throttle)
    move(redis, throttle, 30)
    for _ in range(module.BREAKER_FAILURES - 1):
        call(throttle, "failed")
    assert isinstance(take(throttle), Granted)


def test_failures_far_apart_open_nothing(make, redis):
    throttle = make(limit=100)
    for _ in range(3 * module.BREAKER_FAILURES):
        call(throttle, "failed")
        move(redis, throttle, 10)
    assert throttle.look().pause_seconds == 0


# --- the budget ---


def test_a_429_lowers_the_budget_and_quiet_windows_raise_it_to_just_below(make, redis):
    throttle = make(limit=40)
    throttle.look()
    for _ in range(30):
        call(throttle)
    call(throttle, "refused")
    found = throttle.known_budget().window
    assert found.ceiling == 29  # 30 were taken, the 31st was refused
    assert found.calls() == int(29 * 0.7)
    for _ in range(8):  # quiet windows
        move(redis, throttle, 61)
        call(throttle)
    assert throttle.known_budget().window.calls() == 29
    assert throttle.look().limit == 29


def test_a_budget_follows_the_settings_unless_it_was_refused(make, redis):
    throttle = make(limit=40)
    call(throttle)
    shared = {"prefix": throttle.state_key.removesuffix(":state"), "pause_key": throttle.pause_key}
    assert make(limit=60, **shared).look().limit == 40  # who only looks changes nothing for the others
    assert make(limit=10, **shared).look().limit == 10
    assert throttle.look().limit == 40
    higher = make(limit=60, **shared)
    call(higher)
    assert higher.look().limit == 60


# --- what survives ---


def test_an_emptied_redis_gets_back_what_was_remembered(make, redis):
    memory = InMemory()
    throttle = make(limit=10, daily_limit=100, memory=memory)
    for _ in range(4):
        call(throttle)
    granted = take(throttle)
    throttle.pause(granted, 5000, "quota")
    throttle.release(granted, "refused")
    before = throttle.look()
    redis.flushdb()
    names = {"prefix": throttle.state_key.removesuffix(":state"), "pause_key": throttle.pause_key}
    after = make(limit=10, daily_limit=100, memory=memory, **names).look()
    assert (after.used, after.used_today, after.pause_kind) == (5, 5, "quota")
    assert after.pause_seconds == pytest.approx(before.pause_seconds, abs=2)
    assert after.daily_limit == before.daily_limit


def test_a_living_process_adds_the_calls_that_nobody_remembered(make, redis):
    throttle = make(limit=3)
    call(throttle)
    running = take(throttle)
    redis.flushdb()
    assert throttle.look().used == 2
    redis.flushdb()
    throttle.release(running, "answered")
    assert throttle.look().used == 2
    assert isinstance(take(throttle), Granted)
    assert isinstance(take(throttle), Wait)


def test_remembering_is_not_done_more_than_once_a_second(make):
    saved = []

    class Counting(InMemory):
        def save(self, snapshot):
            saved.append(snapshot)

    now = iter([10.0, 10.0, 10.4, 11.2, 11.2])
    throttle = make(memory=Counting(), clock=lambda: next(now))
    throttle.look()
    for _ in range(3):
        throttle.remember()
    assert len(saved) == 2


_HAMMER = """
import sys, uuid, redis
from spotify.throttle import Granted, Throttle
from tests.spotify.test_throttle import InMemory
url, prefix = sys.argv[1:]
t = Throttle(redis.Redis.from_url(url, decode_responses=True), InMemory(), limit=40, window_seconds=30, call_seconds=15,
             daily_limit=0, pause_key=prefix + "p", prefix=prefix)
print(sum(isinstance(t.acquire(uuid.uuid4().hex), Granted) for _ in range(100)))
"""


def test_three_processes_together_get_the_limit_and_not_one_more(redis):
    from django.conf import settings as django

    prefix = uuid.uuid4().hex
    command = [sys.executable, "-c", _HAMMER, django.REDIS_URL, prefix]
    hammers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(hammer.communicate(timeout=30)[0]) for hammer in hammers) == 40
