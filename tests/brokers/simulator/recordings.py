"""Small Parquet recordings made for a test."""

import duckdb

BARS = """
SELECT * FROM (VALUES
  ('INFY', TIMESTAMP '2026-07-13 09:15:00', 1000.0, 1010.0, 995.0, 1005.0, 400),
  ('INFY', TIMESTAMP '2026-07-13 09:20:00', 1005.0, 1006.0, 990.0, 992.0, 401),
  ('NIFTY 50', TIMESTAMP '2026-07-13 09:15:00', 24000.0, 24010.0, 23990.0, 24005.0, 0),
  ('INFY', TIMESTAMP '2026-07-14 09:15:00', 993.0, 999.0, 993.0, 998.0, 800)
) AS bars(symbol, ts, open, high, low, close, volume)
"""
CHAIN = """
SELECT * FROM (VALUES
  (TIMESTAMP '2026-08-18 10:00:00', 'NIFTY', DATE '2026-08-18', 24000.0, 'CE', 24100.0, 120.5, 10, 100),
  (TIMESTAMP '2026-08-18 10:00:00', 'NIFTY', DATE '2026-08-25', 24000.0, 'PE', 24100.0, 60.0, 5, 50),
  (TIMESTAMP '2026-08-18 10:01:00', 'NIFTY', DATE '2026-08-18', 24000.0, 'CE', 24110.0, 125.0, 14, 110),
  (TIMESTAMP '2026-08-18 10:01:00', 'NIFTY', DATE '2026-08-25', 24000.0, 'PE', 24110.0, 60.0, 5, 50)
) AS chain(ts, symbol, expiry, strike, option_type, spot, ltp, volume, oi)
"""
TICKS = """
SELECT * FROM (VALUES
  (TIMESTAMP '2026-02-20 09:30:00', 'NIFTY50', 25400.0),
  (TIMESTAMP '2026-02-20 09:30:07', 'NIFTY50', 25401.0)
) AS ticks(ts, symbol, ltp)
"""


def recording(tmp_path, query, name="recording.parquet"):
    """Write the query's rows as Parquet and return the path."""
    path = tmp_path / name
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path
