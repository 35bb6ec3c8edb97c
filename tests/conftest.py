"""Settings for every test. Inputs are in strategies.py, assertions in laws.py."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

phases = (Phase.explicit, Phase.generate, Phase.shrink)  # explaining costs seconds, and says less
settings.register_profile(
    "everyone",
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=phases,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,  # all examples of a test meet the same `kata`
    ],
)
settings.register_profile("random", parent=settings.get_profile("everyone"), derandomize=False)
settings.load_profile("everyone")
providers._get_local_constants = Constants  # what is drawn depends on no code, wherever that lies
