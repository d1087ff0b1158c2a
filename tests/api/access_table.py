"""Who gets which answer where: the one table of every address, websocket and task.

Most new endpoints need no line here, because the first prefix that fits decides. What needs one: an address under a new
prefix (`ADDRESSES`), a part of an address (`PARTS`), a field that names a row by its id (`NAMED`), a websocket (`SOCKETS`)
and a task (`TASKS`). `test_access_matrix.py` names what is missing.
"""

from uuid import uuid4

from tests.api.access_cast import A_RULE

# What each caller gets. "in": let in, whatever becomes of the request itself; "404": it does not exist for them, and
# where nothing in the request names a row of ours, nothing of ours is in the answer.
READ = {
    "anonymous": "401 auth.required",
    "unknown key": "401 auth.key",
    "expired key": "401 auth.key",
    "revoked key": "401 auth.key",
    "read key": "in",
    "trade key": "403 scope.insufficient",
    "risk key": "403 scope.insufficient",
    "admin key": "403 scope.insufficient",
    "stranger": "404",
    "viewer": "in",
    "auditor": "in",
    "trader": "in",
    "owner": "in",
}
WRITE = {
    **READ,
    "read key": "403 scope.insufficient",
    "trade key": "in",
    "viewer": "403 role.insufficient",
    "auditor": "403 role.insufficient",
}
# Switches and limits.
RISK = {**WRITE, "trade key": "403 scope.insufficient", "risk key": "in"}
# One's own keys, whatever one's role: another's is not there, and only a key that may administer sees them.
OWN_KEYS = {**READ, "read key": "403 scope.insufficient", "admin key": "in"}
ONE_KEY = {**OWN_KEYS, "viewer": "404", "auditor": "404", "trader": "404"}
# What somebody follows, and what their agents watch, is theirs alone, for their key brings its prices.
LICENSED = {**WRITE, "trader": "404"}
# A record that only an agent's round can write: here one that nobody has; whose a kept one is, the agents' own tests say.
NOBODYS = {caller: "404" if answer == "in" else answer for caller, answer in READ.items()}
# A question that filters: what it names of others filters everything away.
FILTER = {**READ, "stranger": "in"}
NOWHERE = dict.fromkeys(READ, "404 not_found")

# What a page's callers get: "sign in" is a redirect to the sign-in page, "open" any answer that is no refusal of theirs.
PAGE = {"anonymous": "sign in", "stranger": "open", "owner": "open"}
OF_A_ROW = {"anonymous": "sign in", "stranger": "404", "owner": "open"}
PUBLIC = {"anonymous": "open", "stranger": "open", "owner": "open"}
# Steps on the way in or out: whither they lead depends on how far one is; that nobody gets in by them is test_sign_in's.
WAY_IN = dict.fromkeys(PAGE, "any")
NOT_FOR_THEM = {"anonymous": "sign in", "stranger": "sign in", "owner": "sign in"}
NO_PAGE = {"anonymous": "404", "stranger": "404", "owner": "404"}

# Method and beginning of the address as the URL table writes it; the first that fits decides.
API = (
    ("* api/<path:rest>", NOWHERE),
    # questions that are too long for an address: who may look may ask them
    ("POST api/options/builder/legs", READ),
    ("POST api/options/builder/evaluate", READ),
    ("GET api/account/keys", OWN_KEYS),
    ("POST api/account/keys/revoke", ONE_KEY),
    ("POST api/risk/", RISK),
    ("GET api/agents/decisions/<", NOBODYS),
    ("POST api/agents/", LICENSED),
    # it answers as YAML, refusals too
    ("GET api/schema", {caller: answer.partition(" ")[0] for caller, answer in READ.items()}),
    ("GET api/analysis/alerts/log", FILTER),
    ("DELETE api/oi/alerts", LICENSED),
    ("POST api/oi/alerts", LICENSED),
    ("GET api/", READ),
    ("POST api/", WRITE),
    ("PUT api/", WRITE),
    ("PATCH api/", WRITE),
    ("DELETE api/", WRITE),
)
PAGES = (
    ("health", PUBLIC),
    (".well-known/", PUBLIC),
    ("postbacks/", NO_PAGE),
    ("admin/login/", WAY_IN),
    ("admin/logout/", WAY_IN),
    ("admin/", NOT_FOR_THEM),
    ("accounts/login/", WAY_IN),
    ("accounts/logout/", WAY_IN),
    ("accounts/inactive/", WAY_IN),
    ("accounts/signup/", WAY_IN),
    ("accounts/confirm-email/", WAY_IN),
    ("accounts/^confirm-email/", WAY_IN),
    ("accounts/password/reset/", WAY_IN),
    ("accounts/^password/reset/", WAY_IN),
    ("accounts/reauthenticate/", WAY_IN),
    ("accounts/2fa/authenticate/", WAY_IN),
    ("accounts/2fa/reauthenticate/", WAY_IN),
    ("accounts/", PAGE),
    ("brokers/login/return", PAGE),
    ("brokers/accounts/<uuid:account_id>", OF_A_ROW),
    ("brokers/<uuid:account_id>/", OF_A_ROW),
    ("brokers/", PAGE),
    ("orders/<", OF_A_ROW),
    ("account/security/keys/<", OF_A_ROW),
    ("account/security/sessions/<", {**OF_A_ROW, "owner": "404"}),
    ("strategies/backtests/<", OF_A_ROW),
    *(
        (prefix, PAGE)
        for prefix in ("account/", "agents", "analysis", "exceptions", "options", "orders", "risk", "strategies")
    ),
)
# Addresses that are not taken by their beginning.
EXACT_PAGES = {"": PAGE}

# How a part of an address is filled in: from our cast, so that a stranger names a row of ours.
PARTS = {
    "account_id": lambda cast: cast.account.pk,
    "order_id": lambda cast: cast.order.pk,
    "sign_in_id": lambda cast: cast.sign_in.pk,
    "key_id": lambda cast: cast.key.pk,
    "decision_id": lambda _: uuid4(),
    "run_id": lambda cast: cast.backtest.pk,
    "verb": lambda _: "test",
    "step": lambda _: "egress",
    "key": lambda _: "NSE:RELIANCE",
    "door": lambda _: "nobody",
    "rest": lambda _: "nothing",
    "uidb36": lambda _: "0",
}

# What a request says where it names rows by their ids: a stranger who says it names ours. An `account` in a query needs
# no line; a body is whole, so that only the name can be wrong with it.
NAMED = {
    "POST api/account/keys/revoke": lambda cast: {"id": cast.key.pk},
    "POST api/agents/set": lambda cast: {"account": cast.account.pk, "instruments": ["NSE:RELIANCE"]},
    "POST api/agents/toggle": lambda cast: {"id": cast.watch.pk, "running": False},
    "POST api/analysis/alerts": lambda cast: {
        "account": cast.account.pk,
        "instrument": "NSE:RELIANCE",
        "direction": "above",
        "level": "1",
    },
    "DELETE api/analysis/alerts": lambda cast: {"id": cast.alert.pk},
    "GET api/analysis/alerts/log": lambda cast: {"alert": cast.alert.pk},
    "POST api/analysis/candles/cancel": lambda cast: {"id": cast.fetch.pk},
    "POST api/analysis/candles/fetch": lambda cast: {"account": cast.account.pk},
    "DELETE api/analysis/notes": lambda cast: {"id": cast.note.pk},
    "POST api/analysis/rules": lambda cast: {"id": cast.rule.pk, "name": "Strong", "rule": A_RULE},
    "DELETE api/analysis/rules": lambda cast: {"id": cast.rule.pk},
    "POST api/analysis/watchlists": lambda cast: {"id": cast.watchlist.pk, "name": "One", "instruments": []},
    "DELETE api/analysis/watchlists": lambda cast: {"id": cast.watchlist.pk},
    "GET api/baskets": lambda cast: {"id": cast.basket.pk},
    "POST api/baskets": lambda cast: {"account": cast.account.pk, "policy": "hold", "legs": [cast.leg]},
    "POST api/baskets/unwind": lambda cast: {"id": cast.basket.pk},
    "POST api/exceptions/settle": lambda cast: {"id": cast.discrepancy.pk, "choice": "accept", "reason": "seen"},
    "POST api/live/start": lambda cast: {"account": cast.account.pk},
    "POST api/live/stop": lambda cast: {"account": cast.account.pk},
    # candles are nobody's, and there are none here: what is refused of one's own is the parameter
    "POST api/backtests": lambda cast: {
        "desk": cast.desk.pk,
        "strategy": "ema-crossover",
        "instrument": "NSE:RELIANCE",
        "params": {"fast": 0},
    },
    "POST api/backtests/cancel": lambda cast: {"id": cast.backtest.pk},
    "DELETE api/oi/alerts": lambda cast: {"id": cast.chain_alert.pk},
    "POST api/oi/alerts": lambda _: {"underlying": "NIFTY", "measure": "pcr", "level": 1.5},
    "POST api/oi/alerts/switch": lambda cast: {"id": cast.chain_alert.pk, "is_on": False},
    "POST api/oi/start": lambda cast: {"underlying": "NIFTY", "account": cast.account.pk},
    "POST api/options/builder/margin": lambda cast: {
        "account": cast.account.pk,
        "underlying": "NIFTY",
        "legs": [{"instrument": cast.leg["instrument"], "side": "BUY", "lots": 1}],
    },
    "DELETE api/options/builder/saved": lambda cast: {"id": cast.combination.pk},
    "POST api/orders/cancel": lambda cast: {"id": cast.order.pk},
    "POST api/positions/exit": lambda cast: {"account": cast.account.pk, "symbol": cast.position.instrument},
    "POST api/positions/exit-all": lambda cast: {"account": cast.account.pk},
    "POST api/risk/limits": lambda cast: {"account": cast.account.pk, "name": "max_open_positions", "value": 1},
    "POST api/risk/shadow": lambda cast: {"account": cast.account.pk},
    "POST api/risk/kill-switch": lambda cast: {
        "engaged": True,
        "reason": "test",
        "scope": "account",
        "target": cast.account.pk,
    },
    "POST api/strategies/add": lambda cast: {
        "account": cast.account.pk,
        "strategy": "ema-crossover",
        "instruments": ["NSE:RELIANCE"],
        "params": {"fast": 5, "slow": 20},
        "mode": "paper",
    },
    "POST api/strategies/remove": lambda cast: {"id": cast.deployment.pk},
    "POST api/strategies/toggle": lambda cast: {"id": cast.deployment.pk, "enabled": False},
}

# Close codes by caller; what those who are let in receive is test_sockets'.
REFUSED_SOCKET = {"anonymous": 4401, "expired key": 4401, "foreign page": 4403}
SOCKETS = dict.fromkeys(("ws/dashboard", "ws/live", "ws/oi"), REFUSED_SOCKET)

# How a task comes to run: by the schedule, or asked for by one of ours, and then what it does when nothing has that id.
SCHEDULED = "schedule"
TASKS = {
    "accounts.leftovers_clear": SCHEDULED,
    "accounts.outbox_redispatch": SCHEDULED,
    "analysis.candles_fetch": {"fetch_id": uuid4},
    "analysis.daily": SCHEDULED,
    "analysis.demo_fill": {},
    "analysis.scan_run": {"run_id": uuid4},
    "analysis.tidy": SCHEDULED,
    "brokers.instruments_refused": {"account_id": uuid4, "reason": str},
    "brokers.instruments_sync": {"account_id": uuid4},
    "brokers.sessions_end": SCHEDULED,
    "brokers.sessions_expire": SCHEDULED,
    "execution.instruments_refresh": SCHEDULED,
    "execution.limits_watch": SCHEDULED,
    "execution.listing_changes_apply": {"venue": str, "version": uuid4},
    "execution.rows_clear": SCHEDULED,
    "notifications.alert_fired": {"firing_id": int},
    "notifications.mornings": SCHEDULED,
    "notifications.session_ended": {"account_id": uuid4, "epoch": int},
    "options.clear": SCHEDULED,
    "strategies.agents_due": SCHEDULED,
    "strategies.agents_round": {"watch_id": uuid4},
    "strategies.backtest_run": {"run_id": uuid4},
}
