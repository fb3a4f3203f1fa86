"""How the unpublished limits are found: laws that always hold, and the simulation of `make bench`, shortened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import limits
from spotify import budget
from spotify.budget import DAY, DAY_RULES, Budget, Level

RULES = budget.window_rules(30)
SETTINGS = {"limit": 90, "daily_limit": 4000, "window_seconds": 30.0}
levels = st.builds(
    Level,
    limit=st.floats(1, 90),
    ceiling=st.one_of(st.none(), st.floats(1, 90)),
    retest_at=st.floats(0, 1e6),
)


@given(levels, st.integers(0, 200), st.floats(0, 1e6))
def test_a_refusal_never_raises_and_stays_above_the_floor(level, used, now):
    after = budget.refused(level, min(used, level.calls()), now, 90, RULES)
    assert after.limit <= max(level.limit, RULES.floor * 90)
    assert after.limit >= RULES.floor * 90
    assert after.calls() >= 1


@given(levels, st.integers(0, 200), st.floats(0, 1e6))
def test_a_quiet_window_never_passes_the_setting_nor_the_ceiling_before_its_time(level, peak, now):
    after = budget.quiet(level, peak, now, 90, RULES)
    assert after.limit <= 90
    if level.ceiling is not None and now < level.retest_at and level.limit < level.ceiling:
        assert after.limit <= level.ceiling
    assert after.limit >= min(level.limit, 90)


@given(levels, levels, st.integers(1, 200), st.integers(1, 5000))
def test_a_budget_survives_its_json(window, day, limit, daily):
    known = Budget(window, day, 1.0, 2.0, limit, daily)
    assert Budget.from_json(known.as_json()) == known


def test_few_calls_refused_are_no_limit_found():
    """Others' calls with the same credentials, or a hiccup: caution, but nothing is learned."""
    after = budget.refused(Level(90), 5, 0.0, 90, RULES)
    assert after.ceiling is None
    assert after.limit == pytest.approx(63)


def test_a_second_refusal_at_the_same_level_counts_as_found():
    once = budget.refused(Level(90), 45, 0.0, 90, RULES)
    assert once.retest_at == 600
    tried = budget.quiet(Level(44.0, once.ceiling, once.retest_at), 44, 601.0, 90, RULES)
    assert tried.limit > 44
    again = budget.refused(tried, 45, 700.0, 90, RULES)
    assert again.retest_at == 700 + DAY
    idle = budget.quiet(Level(44.0, again.ceiling, 0.0), 10, 1e6, 90, RULES)
    assert idle.limit == 44  # what is not used is not tried


def test_what_goes_well_above_the_ceiling_lifts_it():
    after = budget.quiet(Level(50.0, 44.0, 0.0), 50, 1e6, 90, RULES)
    assert after.ceiling is None


def test_quota_and_window_are_learned_apart():
    known = budget.fresh(90, 4000, 0.0)
    after = budget.after_refusal(known, quota=True, used=10, used_today=2500, now=5.0, **SETTINGS)
    assert (after.window, after.day.calls()) == (known.window, 2425)
    assert after.day.retest_at == 5 + DAY_RULES.first_trust
    after = budget.after_refusal(known, quota=False, used=45, used_today=1700, now=5.0, **SETTINGS)
    assert (after.day, after.window.ceiling) == (known.day, 44)


def test_without_a_daily_limit_none_is_learned():
    settings = {**SETTINGS, "daily_limit": 0}
    known = budget.fresh(90, 0, 0.0)
    assert budget.after_refusal(known, quota=True, used=1, used_today=5, now=1.0, **settings) == known


@pytest.mark.parametrize("hidden", [20, 45, 90])
def test_a_hidden_window_is_found(hidden):
    found = limits.window_case(hidden, days=1)
    assert found.share >= 0.9
    assert found.most_in_a_day <= 1


def test_a_window_that_changes_is_found_again():
    found = limits.changing_case()
    assert found.share >= 0.9
    assert found.most_in_a_day <= 1


@pytest.mark.parametrize("hidden", [1000, 1700, 4000])
def test_a_hidden_quota_is_found(hidden):
    found = limits.day_case(hidden)
    assert found.share >= 0.9
    assert found.most_in_a_day <= 1
