"""What a server that cannot serve now says, in the words of redis-py."""

from __future__ import annotations

import pytest
import redis

from hydra.errors import StoreDown
from hydra.server.connection import store_errors


@pytest.mark.parametrize("error", [
    redis.ConnectionError("Connection refused"),
    redis.TimeoutError("Timeout reading from socket"),
    # redis-py takes the code away where it has a class for it: this one once was a 500.
    redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    redis.ReadOnlyError("You can't write against a read only replica."),
    redis.exceptions.ExecAbortError("Transaction discarded because of previous errors."),
    # It was started again after redis-py had loaded the script a second time: this one, too.
    redis.exceptions.NoScriptError("No matching script. Please use EVAL."),
    redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
    redis.ResponseError("Command # 1 (DEL x) of pipeline caused error: MISCONF Errors writing"),
    redis.ResponseError("OOM command not allowed. script: 1f2e, on @user_script:31."),
])  # fmt: skip
def test_a_silent_or_refusing_server_is_an_outage(error: redis.RedisError) -> None:
    with pytest.raises(StoreDown), store_errors():
        raise error


def test_any_other_refusal_is_a_bug_of_ours() -> None:
    with pytest.raises(redis.ResponseError), store_errors():
        raise redis.ResponseError("WRONGTYPE Operation against a key of the wrong kind")
