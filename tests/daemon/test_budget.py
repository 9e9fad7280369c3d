"""The memory for answers, without a daemon."""

import asyncio

import pytest

from teleclaude.daemon import budget
from teleclaude.daemon.budget import BUDGET, Budget, Share
from teleclaude.errors import RequestError


async def test_who_finds_no_memory_waits_for_that_of_another() -> None:
    pool = Budget()
    with pool.sharing() as second:
        with pool.sharing() as first:
            await first.grow(BUDGET - 1)
            waiting = asyncio.create_task(second.grow(2))
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting
        assert pool.free == BUDGET - 2
    assert pool.free == BUDGET


async def test_who_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SHARE_SECONDS", 0.01)
    pool = Budget()
    with pool.sharing() as first, pool.sharing() as second:
        await first.grow(BUDGET)
        with pytest.raises(RequestError) as refused:
            await second.grow(1)
        assert refused.value.status == 503
        first.resize(0)
        assert (pool.free, second.size) == (BUDGET, 0)


async def test_a_small_wish_does_not_pass_a_large_one_that_waits_longer() -> None:
    pool = Budget()
    given: list[str] = []

    async def grow(share: Share, size: int, name: str) -> None:
        await share.grow(size)
        given.append(name)

    with pool.sharing() as first, pool.sharing() as large, pool.sharing() as small:
        await first.grow(BUDGET - 10)
        wishes = [asyncio.create_task(grow(large, 100, "large")), asyncio.create_task(grow(small, 1, "small"))]
        await asyncio.sleep(0)
        assert given == []
        first.resize(0)
        await asyncio.gather(*wishes)
    assert given == ["large", "small"]


async def test_an_answer_that_is_larger_than_all_memory_waits_until_it_is_alone() -> None:
    pool = Budget()
    with pool.sharing() as share:
        await share.grow(BUDGET * 3)
        assert (share.size, pool.free) == (BUDGET, 0)


async def test_what_is_in_memory_is_counted_though_nothing_is_free() -> None:
    pool = Budget()
    with pool.sharing() as share:
        share.resize(BUDGET + 5)
        assert pool.free == -5
    assert pool.free == BUDGET
