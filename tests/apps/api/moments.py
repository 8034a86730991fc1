"""Hook of Schemathesis: instants that a service would meet, not those of other millennia."""

from __future__ import annotations

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format(
    "date-time",
    st.datetimes(
        datetime(2026, 3, 1),  # noqa: DTZ001 -- the zone is a strategy of its own
        datetime(2026, 3, 5),  # noqa: DTZ001
        timezones=st.just(UTC),
    ).map(datetime.isoformat),
)
