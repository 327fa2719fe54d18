from datetime import datetime, timedelta

from sidecar.store.alerts import Alerts
from sidecar.store.db import Store


def test_an_alert_opens_once_counts_and_closes_by_itself(store: Store, now: datetime) -> None:
    later = now + timedelta(hours=1)
    with store.write() as db:
        alerts = Alerts(db)
        assert alerts.open("link:ann", "auth", now, what="Trakt said no.", next_step="Link again.")
        assert not alerts.open("link:ann", "auth", later, what="Trakt still says no.", next_step="Link again.")
        assert alerts.open("disk", "data", now, what="Full.", next_step="Make room.")
        (first,) = [alert for alert in alerts.open_ones() if alert.key == "link:ann"]
        assert (first.count, first.what, first.opened_at, first.again_at) == (2, "Trakt still says no.", now, later)
        assert alerts.close("link:ann", later)
        assert not alerts.close("link:ann", later)
        assert [alert.key for alert in alerts.open_ones()] == ["disk"]


def test_the_same_cause_later_is_a_new_alert(store: Store, now: datetime) -> None:
    with store.write() as db:
        alerts = Alerts(db)
        for _ in range(2):
            assert alerts.open("disk", "data", now, what="Full.", next_step="Make room.")
            alerts.close("disk", now)
        assert alerts.forget(now + timedelta(days=1)) == 2
