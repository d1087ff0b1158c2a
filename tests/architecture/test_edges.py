import ast
from pathlib import Path

from tests.architecture.tree import called_name, calls, parsed

EDGES = {"views", "api", "consumers", "tasks", "admin"}
OWNERSHIP = {"owner", "owner_id", "user", "user_id"}
# It keeps the answer to a repeated write in the transaction of that write, whichever service makes it.
SPANS_A_WRITE = "brokers/api/idempotency.py"


def edge_files():
    for name, tree in parsed():
        path = Path(name)
        if path.stem in EDGES or EDGES & set(path.parts[:-1]):
            yield name, tree


def test_edges_reach_a_user_s_rows_only_through_visible_to():
    own_filters = [
        f"{name}:{call.lineno}"
        for name, tree in edge_files()
        for call in calls(tree)
        if called_name(call) in {"filter", "get", "exclude"} and _owner_keywords(call)
    ]

    assert own_filters == []


def test_edges_open_no_transaction():
    openers = {name for name, tree in edge_files() if any(called_name(call) == "atomic" for call in calls(tree))}

    assert openers <= {SPANS_A_WRITE}


def _owner_keywords(call: ast.Call) -> set[str]:
    words = {keyword.arg.split("__")[0] for keyword in call.keywords if keyword.arg}
    return words & OWNERSHIP
