from tests.api.conftest import anybody, fresh_redis, ours, theirs
from tests.options.builder_site import follow, nifty_listed

__all__ = ["anybody", "follow", "fresh_redis", "nifty_listed", "ours", "theirs"]
