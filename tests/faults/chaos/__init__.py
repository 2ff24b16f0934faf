"""The fault driver: real processes under a load, one random fault after another, and an audit of all that was promised.

    report = await run(seed, seconds, breakage=None, faults=None, rate=50.0, lease_seconds=4.0, folder=None, say=silence)

`run` (in `tests.faults.chaos.driver`) starts servers and processes of its own on a temporary folder and ends them; call
it from the main thread's loop. `faults` names which faults may happen (see `tests.faults.chaos.plan.KINDS`; all by
default). `breakage` starts every process of the product through `tests/faults/breakages/run.py NAME …`, after
`tests.faults.breakages.prepare(NAME, owner_connection)`. The report's `violations` is 0 where everything held, and
`broken` names what did not, with rows that show it. What the nemesis chooses depends on the seed alone.
"""
