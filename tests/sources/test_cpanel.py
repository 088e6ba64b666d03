"""The cPanel source over HTTP: which way the totals come, what is unknown, whose turn it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.http_server import Response
from tests.hub.scripted import until
from tests.sources.cpanel_case import INTERVAL_SECONDS, running
from tests.sources.cpanel_server import ALL, LIST, STATS, STATS_PAGE, CpanelServer, counts, denied, record
from tui.model import Freshness, MailTotals, QueueQuery
from tui.sources.source import Source, SourceError


def many(number: int) -> dict[str, dict[str, object]]:
    return {f"user{each:04}": counts(each, INPROGRESSCOUNT=each) for each in range(number)}


def one_by_one(number: int) -> CpanelServer:
    """A server that does not tell of all accounts at once."""
    return CpanelServer(stats={**many(number)}, privileges={"cpanel-api", "list-accts"})


async def test_the_documented_example_gives_the_documented_numbers() -> None:
    world = CpanelServer(faults={STATS: lambda account: Response(200, {}, STATS_PAGE), ALL: lambda account: denied()})
    async with running(world, accounts=["user"]) as case:
        assert await case.source.totals() == [
            MailTotals(
                account="user",
                send_count=7,
                success_count=2,
                defer_count=18,
                fail_count=5,
                in_progress_count=0,
                total_size=1150,
            )
        ]
        assert world.asked[STATS, "user"] == 1


async def test_a_cpanel_source_tells_of_totals_only() -> None:
    async with running(CpanelServer()) as case:
        source: Source = case.source
        assert source.type == "cpanel"
        assert await source.queue(QueueQuery()) is None
        assert await source.history(QueueQuery(), 0, 60) is None
        assert await source.causes(QueueQuery()) is None
        assert await source.changed()
        assert not case.server.requests


async def test_all_accounts_cost_one_request_and_the_shown_ones_one_more_each() -> None:
    world = CpanelServer(
        stats={"bob": counts(99, INPROGRESSCOUNT="4"), "eve": counts(INPROGRESSCOUNT=0)},
        records=[record("bob", 31), record("eve", 1, REACHED_MAXEMAILS="150/150"), record("-remote-"), record("root")],
    )
    async with running(world) as case:
        totals = await case.totals()
        assert len(case.server.requests) == 1
        assert list(totals) == ["bob", "eve", "-remote-", "root"]
        assert totals["eve"].quotas == ("emails 150/150",)
        assert {each.in_progress_count for each in totals.values()} == {None}
        totals = await case.tick("bob", "-remote-", "root", "somebody.else")
        assert len(case.server.requests) == 3
        assert (totals["bob"].send_count, totals["bob"].in_progress_count) == (31, 4)
        assert totals["eve"].in_progress_count is None
        assert totals["-remote-"].send_count == 7
        status = await case.status()
        assert (status.freshness, status.age_seconds) == (Freshness.LIVE, 0.0)
        assert status.notes == ("All accounts at once, by emailtrack_user_stats.",)


async def test_what_waits_is_unknown_again_a_round_after_the_account_was_shown() -> None:
    world = CpanelServer(stats={"bob": counts(INPROGRESSCOUNT=4)}, records=[record("bob")])
    async with running(world) as case:
        assert (await case.totals("bob"))["bob"].in_progress_count == 4
        case.clock.now += 61
        assert (await case.totals())["bob"].in_progress_count is None


async def test_a_token_that_may_not_read_what_waits_is_not_asked_again_and_again() -> None:
    world = CpanelServer(stats={"bob": counts()}, records=[record("bob")], privileges={"track-email"})
    async with running(world) as case:
        for _ in range(5):
            assert (await case.tick("bob"))["bob"].send_count == 7
        assert world.total(STATS) == 1
        status = await case.status()
        assert status.freshness is Freshness.LIVE
        assert "What waits of bob is unknown" in status.notes[1]
        assert "cpanel-api" in status.notes[1]
        world.privileges.add("cpanel-api")
        case.clock.now += 601
        assert (await case.totals("bob"))["bob"].send_count == 7
        assert world.total(STATS) == 2


async def test_configured_accounts_alone_are_shown_and_asked_where_they_have_no_record() -> None:
    world = CpanelServer(stats={"bob": counts(1), "new": counts(None)}, records=[record("bob", 1), record("eve")])
    async with running(world, accounts=["Bob", "new", "gone"]) as case:
        totals = await case.totals()
        assert {name: each.send_count for name, each in totals.items()} == {"bob": 1, "new": 0, "gone": None}
        assert (await case.status()).freshness is Freshness.PARTIAL
        notes = " ".join((await case.status()).notes)
        assert "1 of 2 accounts gave no new numbers, gone: " in notes
        await case.tick()
        assert world.total(STATS) == 3


async def test_a_list_that_the_server_cut_is_partial() -> None:
    world = CpanelServer(records=[record("bob")], overflowed=1)
    async with running(world) as case:
        await case.totals()
        status = await case.status()
        assert status.freshness is Freshness.PARTIAL
        assert "left accounts out" in status.notes[1]


async def test_accounts_are_asked_one_by_one_where_all_at_once_is_refused() -> None:
    world = one_by_one(3)
    async with running(world) as case:
        totals = await case.totals()
        assert [each.in_progress_count for each in totals.values()] == [0, 1, 2]
        status = await case.status()
        assert status.freshness is Freshness.LIVE
        assert status.notes[0] == "Account by account, by EmailTrack::stats."
        assert "track-email" in status.notes[1]
        for _ in range(10):
            await case.tick()
        assert (world.total(ALL), world.total(LIST)) == (1, 1)
        case.clock.now += 301
        world.stats["extra"] = counts(8)
        assert (await case.totals())["extra"].send_count == 8
        assert (world.total(ALL), world.total(LIST)) == (1, 2)
        world.privileges.add("track-email")
        world.records.append(record("bob"))
        case.clock.now += 301
        assert list(await case.totals()) == ["bob"]


async def test_a_list_that_is_refused_needs_configured_accounts() -> None:
    world = CpanelServer(stats={"bob": counts(3)}, privileges={"cpanel-api"})
    async with running(world) as case:
        text = str(await case.failure())
        assert f"WHM at {case.host} refuses emailtrack_user_stats and listaccts to root" in text
        assert "track-email, list-accts in WHM » Development » Manage API Tokens" in text
    async with running(world, accounts=["bob"]) as case:
        assert (await case.totals())["bob"].send_count == 3


async def test_an_old_list_stands_while_a_new_one_is_not_to_be_had() -> None:
    world = one_by_one(2)
    async with running(world) as case:
        await case.totals()
        world.privileges.remove("list-accts")
        case.clock.now += 301
        assert len(await case.totals()) == 2
        assert (await case.status()).freshness is Freshness.PARTIAL
        assert "New accounts are not seen" in (await case.status()).notes[2]


async def test_some_accounts_that_fail_leave_the_rest_and_their_last_good_numbers() -> None:
    world = one_by_one(5)
    async with running(world) as case:
        world.faults[STATS] = lambda account: denied() if account == "user0003" else None
        totals = await case.totals()
        assert totals["user0003"] == MailTotals(account="user0003")
        world.faults[STATS] = lambda account: denied() if account in ("user0001", "user0003") else None
        case.clock.now += 61
        totals = await case.totals()
        assert totals["user0001"].send_count == 1
        assert totals["user0003"].send_count is None
        status = await case.status()
        assert status.freshness is Freshness.PARTIAL
        assert "2 of 5 accounts gave no new numbers, user0001 among them: WHM at" in status.notes[2]
        world.faults.clear()
        case.clock.now += 61
        assert (await case.totals())["user0003"].send_count == 3
        assert (await case.status()).freshness is Freshness.LIVE


async def test_when_only_a_failing_account_has_its_turn_another_one_bears_witness() -> None:
    world = one_by_one(2)
    world.faults[STATS] = lambda account: denied() if account == "user0000" else None
    async with running(world) as case:
        for _ in range(8):
            assert (await case.tick("user0000"))["user0001"].send_count == 1
            assert (await case.status()).freshness is Freshness.PARTIAL


async def test_when_all_accounts_fail_the_source_does() -> None:
    world = one_by_one(40)
    async with running(world) as case:
        await case.totals()
        world.faults[STATS] = lambda account: denied()
        case.clock.now += INTERVAL_SECONDS
        error = await case.failure()
        assert "refuses EmailTrack::stats to root" in str(error)
        status = await case.status()
        assert (status.freshness, status.error, status.age_seconds) == (Freshness.ERROR, str(error), INTERVAL_SECONDS)
        world.faults.clear()
        assert len(await case.tick()) == 40
        assert (await case.status()).freshness is Freshness.LIVE


async def test_many_accounts_are_asked_at_bounded_concurrency_on_as_many_connections() -> None:
    world = one_by_one(200)
    async with running(world) as case:
        world.hold(STATS)
        asking = asyncio.create_task(case.totals())
        await until(lambda: world.in_flight == 16)
        world.gate.set()
        totals = await asking
        assert len(totals) == 200
        assert all(each.send_count is not None for each in totals.values())
        assert world.total(STATS) == 200
        assert world.most_in_flight == 16
        assert case.server.connections <= 16


async def test_the_shown_accounts_are_asked_at_every_tick_and_every_one_within_a_round() -> None:
    world = one_by_one(60)
    async with running(world) as case:
        await case.totals()
        asked = dict.fromkeys(world.stats, case.clock.now)
        for _ in range(65):
            before = world.asked.copy()
            await case.tick("user0007", "user0008")
            now_asked = [name for name in world.stats if world.asked[STATS, name] > before[STATS, name]]
            assert len(now_asked) <= 2 + 2
            asked |= dict.fromkeys(now_asked, case.clock.now)
            assert min(asked.values()) >= case.clock.now - 62
            assert asked["user0007"] == case.clock.now


async def test_what_is_not_asked_in_one_look_is_asked_in_the_next() -> None:
    world = one_by_one(40)
    async with running(world, concurrency=4) as case:

        def slow(account: str | None) -> None:
            case.clock.now += 1.0

        world.faults[STATS] = slow
        totals = await case.totals()
        unknown = [name for name, each in totals.items() if each.send_count is None]
        assert 20 <= len(unknown) <= 28
        status = await case.status()
        assert status.freshness is Freshness.PARTIAL
        assert f"{len(unknown)} of 40 accounts have not been asked yet." in status.notes
        world.faults.clear()
        assert all(each.send_count is not None for each in (await case.tick()).values())


async def test_retry_after_is_honoured_and_what_came_before_it_is_kept() -> None:
    world = one_by_one(8)
    async with running(world, concurrency=1) as case:

        def busy(account: str | None) -> Response | None:
            return Response(429, {"Retry-After": "30"}) if world.total(STATS) > 3 else None

        world.faults[STATS] = busy
        totals = await case.totals()
        assert sum(each.send_count is not None for each in totals.values()) == 3
        assert (await case.status()).freshness is Freshness.PARTIAL
        case.clock.now += 10
        assert (await case.failure()).retry_after_seconds == 20
        assert world.total(STATS) == 4
        world.faults.clear()
        case.clock.now += 20
        assert all(each.send_count is not None for each in (await case.totals()).values())


async def test_a_cycle_that_is_given_up_goes_on_where_it_was() -> None:
    world = one_by_one(30)
    async with running(world, concurrency=2) as case:
        world.hold(STATS, after=10)
        asking = asyncio.create_task(case.totals())
        await until(lambda: world.in_flight == 2 and world.total(STATS) == 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        world.gate.set()
        assert len(await case.tick()) == 30
        assert world.total(STATS) < 36


async def test_status_before_anything_and_when_nobody_asked_for_long() -> None:
    async with running(CpanelServer(records=[record("bob", "x"), record("eve", [])]), color="red") as case:
        status = await case.status()
        assert (status.freshness, status.age_seconds) == (Freshness.STALE, None)
        assert (status.color, status.unverified, status.name) == ("red", False, "cpanel")
        await case.totals()
        assert 'SENDCOUNT of bob is "x", which is no count and so unknown; 1 more such.' in (await case.status()).notes
        case.clock.now += 59
        assert (await case.status()).freshness is Freshness.LIVE
        case.clock.now += 2
        status = await case.status()
        assert (status.freshness, status.age_seconds) == (Freshness.STALE, 61.0)


async def test_a_dead_server_is_given_up_soon_and_one_that_comes_back_is_live_again() -> None:
    world = one_by_one(1000)
    async with running(world, accounts=list(many(100))) as case:
        await case.totals()
        world.faults[STATS] = lambda account: b""
        asked = world.total(STATS)
        case.clock.now += 3600
        await case.failure()
        assert world.total(STATS) - asked <= 64
        assert (await case.status()).freshness is Freshness.ERROR
        world.faults.clear()
        await case.tick()
        assert (await case.status()).freshness is Freshness.LIVE


async def test_an_account_that_hangs_delays_the_others_once_a_round() -> None:
    world = one_by_one(20)
    async with running(world, timeout_seconds=0.2) as case:
        world.faults[STATS] = lambda account: b"" if account == "user0003" else None
        await case.totals()
        before = world.asked[STATS, "user0003"]
        for _ in range(20):
            await case.tick("user0003", "user0004")
        assert world.asked[STATS, "user0003"] - before <= 4
        assert (await case.status()).freshness is Freshness.PARTIAL
        world.faults.clear()
        async with asyncio.timeout(30):
            while (await case.status()).freshness is not Freshness.LIVE:  # 0.2 s are too short where much else runs
                case.clock.now += 61
                with suppress(SourceError):
                    totals = await case.totals("user0003")
        assert totals["user0003"].send_count == 3


async def test_a_server_in_trouble_is_not_asked_for_each_account_instead() -> None:
    world = CpanelServer(stats={**many(30)}, records=[record("user0001")])
    async with running(world) as case:
        await case.totals()
        world.faults[ALL] = lambda account: Response(500)
        assert 'failed at emailtrack_user_stats ("HTTP 500")' in str(await case.failure())
        assert world.total(STATS) == 0
        world.faults.clear()
        assert list(await case.tick()) == ["user0001"]


async def test_no_answer_for_a_shown_account_leaves_the_rest_of_its_numbers() -> None:
    world = CpanelServer(stats={**many(3)}, records=[record("user0001"), record("user0002")])
    world.faults[STATS] = lambda account: b"" if account == "user0001" else None
    async with running(world) as case:
        for _ in range(3):
            totals = await case.tick("user0001", "user0002")
            assert [each.in_progress_count for each in totals.values()] == [None, 2]
            assert [each.send_count for each in totals.values()] == [7, 7]
            assert (await case.status()).freshness is Freshness.PARTIAL
