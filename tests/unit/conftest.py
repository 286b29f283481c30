"""Property tests are judged by what they find, not by how fast a shared machine was at that moment.

On a fresh clone hypothesis builds its table of characters within the first example that needs one, which takes
seconds and would fail that test as too slow.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
