"""A Redis of one process, as far as single keys go; it may be away."""


class MemoryRedis:
    def __init__(self, *, is_away=False):
        self.kept = {}
        self.is_away = is_away

    async def get(self, key):
        self._require_there()
        return self.kept.get(key)

    async def set(self, key, value, *, px):
        self._require_there()
        self.kept[key] = value.encode()

    def _require_there(self):
        if self.is_away:
            raise ConnectionError("away")
