"""What a reduction leaves in Redis, and what it may write there though memory is full."""

from __future__ import annotations

import pytest
import redis

from hydra.errors import StoreDown
from hydra.model import Verdict, limits
from hydra.store.redis import keys, redis_store
from tests import stores
from tests.contract.test_reductions import ONE, A, B, bring_in, pass_ms, take
from tests.stores import Wall, session, upload

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("how", ["lost", "given back", "cancelled", "failed"])
def test_parts_of_what_ended_are_deleted(wall: Wall, redis_client: redis.Redis, how: str) -> None:
    """They stayed for a week."""
    store = stores.real(wall, redis_client)
    bring_in(store)
    token = take(store, A)
    upload(store, "j", token, "f", b"x")
    assert redis_client.hlen(keys.files("j")) == 1
    match how:
        case "lost":
            pass_ms(store, wall, limits.REDUCE_LEASE_MS)
            take(store, B)
        case "given back":
            store.verbs.release("j", token, "why")
        case "cancelled":
            store.verbs.cancel("j")
        case "failed":
            store.verbs.fail("j", token, "why")
    assert redis_client.hlen(keys.files("j")) == 0


def test_an_answer_is_given_though_memory_is_full(redis_client: redis.Redis) -> None:
    """The upload was refused, and the job failed with all of its units in."""
    store = redis_store(redis_client, stores.counter())
    bring_in(store)
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreDown):
            store.verbs.submit("k", ONE)
        store.verbs.enlist(session("c"))
        assert store.views.look(B).reducible == ["j"]
        assert store.verbs.release("j", take(store, A), "why")
        token = take(store, B)
        assert store.verbs.renew("j", token)
        parts = upload(store, "j", token, "f", bytes(1 << 20))
        assert store.verbs.finish("j", token, {"x": 1}, {"f": parts}) is Verdict.ACCEPTED
        assert store.views.file("j", "f") == bytes(1 << 20)
    finally:
        redis_client.config_set("maxmemory", 0)
