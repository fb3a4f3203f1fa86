"""What an import costs, and in which order it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify import plans
from spotify.plans import PlannedAlbum

ALBUMS = st.lists(
    st.builds(
        PlannedAlbum,
        st.uuids().map(str),
        st.sampled_from(["album", "single", "compilation", "other"]),
        st.sampled_from(["", "1999", "2010-01", "2024-02-03"]),
        st.integers(0, 400),
    ),
    max_size=60,
)


def albums(*totals):
    return [PlannedAlbum(str(i), "album", "2000", total) for i, total in enumerate(totals)]


@pytest.mark.parametrize(
    ("totals", "development", "extended"),
    [((), 0, 0), ((12,), 1, 1), ((50,), 1, 1), ((51,), 2, 2), ((12,) * 20, 20, 1), ((12,) * 21, 21, 2), ((0, 120), 4, 3), ((16,) * 101, 101, 6)],
)  # fmt: skip
def test_calls(totals, development, extended):
    assert plans.calls(albums(*totals), batch=1) == development
    assert plans.calls(albums(*totals), batch=20) == extended


def test_the_list_costs_a_call_a_page():
    """The largest artist of the issue: 101 albums in pages of ten, with the search 113 calls."""
    assert [plans.list_calls(n, page=10) for n in (0, 1, 10, 11, 101)] == [1, 1, 1, 2, 11]
    assert 1 + plans.list_calls(101, page=10) + plans.calls(albums(*[16] * 101), batch=1) == 113


@given(ALBUMS)
def test_order(some):
    """Every album once; main albums before singles before compilations, in each the newest first."""
    ordered = plans.in_order(some)
    assert sorted(one.id for one in ordered) == sorted(one.id for one in some)
    ranks = [{"album": 0, "compilation": 2}.get(one.album_type, 1) for one in ordered]
    assert ranks == sorted(ranks)
    for kind in ("album", "compilation"):
        dates = [one.release_date for one in ordered if one.album_type == kind]
        assert dates == sorted(dates, reverse=True)


@given(ALBUMS, st.integers(1, 20))
def test_a_batch_never_costs_more(some, batch):
    assert plans.calls(some, batch=batch) <= plans.calls(some, batch=1)


def test_what_it_means_for_the_budgets():
    found = plans.estimate(113, used_today=700, daily_limit=1000, limit=30, window_seconds=30, bulk_share=0.8)
    assert (found.calls, found.share_of_day, found.fits_today) == (113, 0.113, False)
    assert found.seconds == pytest.approx(141.2, abs=0.1)
    free = plans.estimate(113, used_today=0, daily_limit=0, limit=0, window_seconds=30, bulk_share=0.8)
    assert (free.share_of_day, free.seconds, free.fits_today) == (0.0, 0.0, True)
