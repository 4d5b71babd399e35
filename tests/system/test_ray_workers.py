"""The pool of workers and the connection to a cluster, without Ray; see tests/cluster for it."""

from __future__ import annotations

import re
import socket
import sys
import types

import pytest

from fake_ray import FakeRay, install
from w2v.errors import ConfigError, InputError, MissingExtraError, ResourceError
from w2v.system import ray_cluster
from w2v.system.ray_workers import WorkerLostError, WorkerPool, fetch, names_of

HERE = {"w2v": "2.0", "numba": "0.61"}
OTHER = {"w2v": "2.0", "numba": "0.60"}


def describe() -> dict[str, str]:
    return HERE


def make_pool(ray: FakeRay, monkeypatch, workers: int | None = None, **options) -> WorkerPool:
    install(monkeypatch, ray)
    return WorkerPool("auto", workers, describe, **options)


def ask(pool: WorkerPool, function, *arguments) -> list:
    calls = {pool.call(member, function, *arguments): member for member in pool.members}
    return pool.results(calls, 1)


def fail(_state) -> None:
    raise InputError("a.txt does not exist")


def lack(_state) -> None:
    raise MissingExtraError("Parquet", "parquet")


def fetch_all(_state, refs) -> list:
    return [fetch(ref) for ref in refs]


def test_each_machine_has_a_worker(monkeypatch):
    ray = FakeRay(machines=2, cores=4)
    pool = make_pool(ray, monkeypatch)
    assert [(m.title, m.cores) for m in pool.members] == [
        ("worker 1 on node1", 4),
        ("worker 2 on node2", 4),
    ]
    assert all(member.memory > 0 for member in pool.members)
    assert ask(pool, dict.setdefault, "key", pool.put("value")) == ["value", "value"]
    assert ask(pool, dict.get, "key") == ["value", "value"]
    assert ask(pool, fetch_all, [pool.put(1), pool.put(2)]) == [[1, 2], [1, 2]]
    pool.close()
    assert all(actor.killed for actor in ray.actors)
    assert ray.shut_down == 1
    pool.close()
    assert ray.shut_down == 1


def test_a_connection_of_the_caller_stays(monkeypatch):
    ray = FakeRay()
    install(monkeypatch, ray, owned=False)
    WorkerPool("auto", 1, describe).close()
    assert ray.shut_down == 0


def test_a_lost_worker_comes_back_without_its_state(monkeypatch, caplog):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    ask(pool, dict.setdefault, "key", 1)
    ray.actors[0].failures = 1
    with pytest.raises(
        WorkerLostError, match=r"^a worker was lost \(ActorDiedError: The actor died"
    ):
        ask(pool, dict.get, "key")
    pool.regroup()
    assert ask(pool, dict.get, "key") == [None, 1]
    assert pool.known == pool.members
    assert caplog.text == ""


def test_a_slow_worker_is_started_again(monkeypatch):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    ray.actors[1].silent = True
    with pytest.raises(WorkerLostError, match=r"^worker 2 on node2 took more than 1 s and is star"):
        ask(pool, dict.get, "key")
    assert not ray.actors[1].silent
    assert not ray.actors[1].killed
    pool.regroup()
    assert len(pool.members) == 2


def test_an_error_of_this_package_is_raised_here(monkeypatch):
    pool = make_pool(FakeRay(), monkeypatch)
    here = re.escape(f"(on the machine {socket.gethostname()})")
    with pytest.raises(InputError, match=rf"^a\.txt does not exist {here}$"):
        ask(pool, fail)
    with pytest.raises(MissingExtraError, match=rf"^Parquet {here} needs .*'w2v\[parquet\]'$"):
        ask(pool, lack)


def test_the_first_results(monkeypatch):
    ray = FakeRay(machines=3)
    pool = make_pool(ray, monkeypatch)
    ray.actors[1].silent = True
    calls = {pool.call(member, dict.get, "key", 5): member for member in pool.members}
    found = pool.first_results(calls, 1)
    assert [(member.name, value) for _, member, value in found] == [
        ("worker 1", 5),
        ("worker 3", 5),
    ]
    for ref, *_ in found:
        del calls[ref]
    with pytest.raises(WorkerLostError, match=r"^worker 2 on node2 took more than 1 s"):
        pool.first_results(calls, 1)


def test_no_worker_answers(monkeypatch):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    for actor in ray.actors:
        actor.silent = True
    with pytest.raises(
        ResourceError, match=r"^no worker of the Ray cluster has answered for 0 s; check `ray sta"
    ):
        pool.regroup()


# Machines that come later


def test_a_new_machine_has_a_worker(monkeypatch):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    ray.add_machine(cores=3)
    pool.look_for_workers()
    assert [m.title for m in pool.members][2:] == ["worker 3 on node3"]
    pool.look_for_workers()
    assert len(ray.actors) == 3


def test_a_number_of_workers_is_kept(monkeypatch):
    ray = FakeRay(machines=2, cores=4)
    pool = make_pool(ray, monkeypatch, workers=4)
    assert [member.cores for member in pool.members] == [2] * 4
    ray.add_machine()
    pool.look_for_workers()
    assert len(ray.actors) == len(pool.members) == 4


def test_a_new_machine_with_another_version_is_left_out(monkeypatch, caplog):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    ray.on_start = lambda actor: actor.change.update(machine=OTHER)
    ray.add_machine()
    for _ in range(3):
        pool.look_for_workers()
    assert [m.host for m in pool.members] == ["node1", "node2"]
    assert [actor.killed for actor in ray.actors] == [False, False, True]
    (record,) = caplog.records
    assert record.getMessage() == (
        "note: worker 3 on node3 is not used, since the bits would differ: "
        "numba is 0.60 there and 0.61 here"
    )


def test_a_new_machine_with_a_fault_is_left_out(monkeypatch, caplog):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    pool.find_fault = lambda member: f"{member.host} is full"
    ray.add_machine()
    pool.look_for_workers()
    assert len(pool.members) == 2
    assert "worker 3 on node3 is not used, since node3 is full" in caplog.text


def test_a_removed_machine_is_forgotten(monkeypatch):
    ray = FakeRay()
    pool = make_pool(ray, monkeypatch)
    ray.actors[0].silent = True
    del ray.machines[0]
    pool.regroup()
    assert [m.host for m in pool.known] == ["node2", "node1"]
    pool.look_for_workers()
    assert [m.host for m in pool.known] == ["node2"]


# Refusals


def test_machines_that_differ_are_refused(monkeypatch):
    ray = FakeRay(machines=6)

    def change(actor) -> None:
        if len(ray.actors) > 1:
            actor.change["machine"] = OTHER

    ray.on_start = change
    message = (
        r"cannot give the same bits on worker 2 on node2, worker 3 on node3, worker 4 on node4 and "
        r"2 more: numba is 0\.60 there and 0\.61 here; use the same .* with `allow_mixed=True`$"
    )
    with pytest.raises(ConfigError, match=message):
        make_pool(ray, monkeypatch)
    assert all(actor.killed for actor in ray.actors)
    assert ray.shut_down == 1


def test_machines_that_differ_can_be_allowed(monkeypatch, caplog):
    ray = FakeRay()
    ray.on_start = lambda actor: actor.change.update(machine=OTHER)
    pool = make_pool(ray, monkeypatch, allow_mixed=True)
    ray.add_machine()
    pool.look_for_workers()
    ray.actors[0].failures = 1
    pool.regroup()  # it is not noted again
    pool.regroup()
    assert {m.host for m in pool.members} == {"node1", "node2", "node3"}
    difference = "numba is 0.60 there and 0.61 here"
    rest = f"may differ: {difference}; the vectors depend on which machine trains what"
    assert [record.getMessage() for record in caplog.records] == [
        f"note: the bits of worker 1 on node1, worker 2 on node2 {rest}",
        f"note: the bits of worker 3 on node3 {rest}",
    ]


def test_a_cluster_without_cpus_is_waited_for(monkeypatch, caplog):
    ray = FakeRay(machines=1, cores=0)
    with pytest.raises(
        ResourceError, match=r"^the Ray cluster has no machine with a CPU after 0 s; add one, and"
    ):
        make_pool(ray, monkeypatch)
    assert ray.shut_down == 1
    assert caplog.text.count("waiting for a machine of the Ray cluster that has a CPU") == 1
    calls = []

    def nodes() -> list:
        calls.append(1)
        if len(calls) == 3:
            ray.add_machine(cores=2)
        return ray.machines

    ray.nodes = nodes
    pool = make_pool(ray, monkeypatch)
    assert [member.cores for member in pool.members] == [2]


def test_too_few_cpus(monkeypatch):
    ray = FakeRay(machines=3)

    def be_silent(actor) -> None:
        actor.silent = len(ray.actors) > 3

    ray.on_start = be_silent
    message = (
        "^3 of 5 workers have started after 0 s, without worker 4, worker 5; the Ray cluster has 3 "
        "CPUs, 0 of them free. Add machines, end other jobs on the cluster, or use fewer `workers`$"
    )
    with pytest.raises(ResourceError, match=message):
        make_pool(ray, monkeypatch, workers=5)


def test_a_worker_that_does_not_start(monkeypatch):
    ray = FakeRay()

    def break_second(actor) -> None:
        actor.failures = len(ray.actors) - 1

    ray.on_start = break_second
    message = r"^worker 2 on node2 did not start: ActorDiedError: The actor died unexpectedly; inst"
    with pytest.raises(ResourceError, match=message):
        make_pool(ray, monkeypatch)


def test_names():
    assert names_of(["a"]) == "a"
    assert names_of(list("abc")) == "a, b, c"
    assert names_of(list("abcd")) == "a, b, c and 1 more"


# The connection


def test_ray_is_in_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"^training on a cluster .*'w2v\[ray\]'$"):
        ray_cluster.import_ray()


def failing(error: Exception) -> types.SimpleNamespace:
    def init(**_) -> None:
        raise error

    return types.SimpleNamespace(is_initialized=lambda: False, init=init)


def test_a_cluster_that_does_not_start_here():
    ray = failing(Exception("The current node\ntimed out during startup."))
    message = (
        r"^a Ray cluster does not start on this machine: The current node timed out during "
        r"startup\.; look for .* or train without `ray`$"
    )
    with pytest.raises(ResourceError, match=message):
        ray_cluster.connect(ray, "local", None)


def test_there_is_no_cluster_on_this_machine():
    ray = failing(ConnectionError("Could not find any running Ray instance."))
    message = r"^ray: no Ray cluster was found at auto: Could not find any .*; start a cluster with"
    with pytest.raises(ConfigError, match=message.replace("ray: ", "ray ")):
        ray_cluster.connect(ray, "auto", None)


def test_an_address_where_nobody_answers():
    with pytest.raises(ConfigError, match=r"no Ray cluster was found at 127\.0\.0\.1:9: .*refused"):
        ray_cluster.connect(failing(AssertionError()), "127.0.0.1:9", None)


def test_a_connection_that_exists_is_used(caplog):
    ray = types.SimpleNamespace(is_initialized=lambda: True)
    assert not ray_cluster.connect(ray, "auto", None)
    assert caplog.text == ""
    assert not ray_cluster.connect(ray, "10.0.0.1:6379", None)
    assert "connected to a Ray cluster already, which is used" in caplog.text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "ConnectionError"),
        ("The actor died unexpectedly.\n\tclass_name: _Actor\n", "ConnectionError: The actor died"),
        (
            "The actor died because of this\n  File x\nModuleNotFoundError: No module named 'w2v'",
            "ModuleNotFoundError: No module named 'w2v'",
        ),
    ],
)
def test_the_reason_of_an_error_of_ray(message, reason):
    assert ray_cluster.reason_of(ConnectionError(message)).startswith(reason)
