from tests.api.conftest import anybody, fresh_redis, ours, theirs

__all__ = ["anybody", "fresh_redis", "ours", "theirs"]
