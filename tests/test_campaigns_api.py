"""The campaigns against the api, in small: over the small API server, and that they would notice what they look for."""

from collections.abc import Iterator

import pytest

from tests.apiserver import ApiServer, api_server
from tests.campaigns import bench_api, hammer
from tests.campaigns.bench_api import Servers
from tests.campaigns.hammer import Round
from tests.campaigns.load import Target, markdown, percentile
from tests.service import API_ACCOUNT, Served, admitting, served


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.allowed = {(API_ACCOUNT, "restore", "tesk")}
        admitting(running, store_only=True)
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[Served]:
    with served(server) as running:
        yield running


def test_the_benchmark_measures_each_request_beside_the_same_at_the_api_server(server: ApiServer, api: Served) -> None:
    bare, cleaned = Target(server.url), list[int]()
    servers = Servers(Target(f"http://127.0.0.1:{api.port}"), bare, bare, "1", lambda: 2**20, lambda: cleaned.append(1))

    told, ratios = bench_api.benched(servers, [20, 200], [1, 2], seconds=0.05)

    assert len(set(servers.ids)) == 200
    assert len(ratios) == len({row[:3] for row in ratios}) == 2 * 2 * 8
    assert all(ratio > 0 for *_, ratio in ratios)
    assert told.count("\n") == 2 + 2 * 2 * 8 + 1 + 2 + 1
    assert bench_api.broken(ratios) == []
    assert len(cleaned) == 2 * 2


def test_a_broken_bound_is_told() -> None:
    ratios = [(10_000, 1, "LIST", 2.5), (50_000, 16, "LIST", 9.0), (100, 1, "LIST", 9.0), (10_000, 1, "POST", 2.4)]
    assert bench_api.broken(ratios) == ["LIST over 1 takes 2.5 times as long as the API server, and may take 2.0"]


@pytest.mark.parametrize("again", [False, True])
def test_hammering_finds_nothing_wrong_where_nothing_is(api: Served, again: bool) -> None:
    seen = Round("r", again=again)
    hammer.hammered(Target(f"http://127.0.0.1:{api.port}"), seen, clients=4, seconds=1)
    assert seen.violations == []
    assert len(seen.accepted) == len(set(seen.accepted.values())) >= 4


def test_an_answer_of_5xx_is_told(server: ApiServer, api: Served) -> None:
    wrong = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_TASK_LIMIT": "many"}}
    server.stored("configmaps", wrong, "ADDED")
    seen = Round("r", again=False)
    hammer.hammered(Target(f"http://127.0.0.1:{api.port}"), seen, clients=1, seconds=0.5)
    assert seen.violations
    assert "answered 500" in seen.violations[0]


@pytest.mark.parametrize(
    ("accepted", "there", "expected"),
    [
        ({"a": "1"}, [("a", "1")], []),
        ({"a": "1"}, [], ["a was accepted as 1 and is lost"]),
        ({"a": "1"}, [("a", "1"), ("a", "2")], ["a is there as 1 and 2"]),
        ({"a": "1"}, [("a", "2")], ["a is there as 2 and was accepted as 1"]),
        ({}, [("a", "2")], ["a is there as 2 and was accepted as nothing"]),
    ],
)
def test_tasks_that_are_lost_or_doubled_are_told(
    accepted: dict[str, str], there: list[tuple[str, str]], expected: list[str]
) -> None:
    assert hammer.differences(accepted, there) == expected


def test_a_percentile_is_the_time_that_so_many_do_not_exceed() -> None:
    assert [percentile([float(number) for number in range(100)], part) for part in (0.0, 0.5, 0.99, 1.0)] == [
        0.0, 50.0, 99.0, 99.0,
    ]  # fmt: skip


def test_a_table_is_markdown() -> None:
    assert markdown([["a", "b"], [1, 2]]) == "| a | b |\n| --- | --: |\n| 1 | 2 |"
