"""Hypothesis profiles: `ci` is what every run has; HYPOTHESIS_PROFILE=torture searches longer.

By hand every run searches elsewhere; where CI=true the same code gets the same examples, so that a change is judged by
what it changed.
"""

import os

from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "ci",
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=SLOW_IS_FINE,
    derandomize=os.environ.get("CI") == "true",
)
settings.register_profile(
    "torture", max_examples=5000, stateful_step_count=60, deadline=None, suppress_health_check=SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
