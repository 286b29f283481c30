"""Who worked on what in the made-up plant: every order is somebody's, and the truth adds up however it is told."""

from datetime import date

from cloud import seed_plant, seed_work

PLANT = seed_plant.plant(date(2026, 10, 7), 3)
TASKS = seed_work.tasks(PLANT)


def test_operators_jobs_and_parts_share_out_the_same_seconds_and_pieces():
    off = seed_work.unplanned(PLANT)
    whole = seed_work.truth(PLANT, TASKS, off)
    assert whole.good > 0 < whole.overtime
    for key in (lambda task: task.operator, lambda task: task.job, lambda task: task.run.product):
        groups = {key(task) for task in TASKS}
        parts = [seed_work.truth(PLANT, [task for task in TASKS if key(task) == each], off) for each in groups]
        for name in ("pbt_s", "running_s", "good", "scrap", "overtime"):
            assert sum(getattr(each, name) for each in parts) == getattr(whole, name)


def test_a_lot_is_of_the_order_that_ran():
    counted = {(task.machine.code, lot.at): task.run.product for task in TASKS for lot in seed_work.lots(task)}
    told = {(machine.code, lot.at): lot.product for machine in PLANT.machines for lot in machine.lots}
    assert counted == {where: product for where, product in told.items() if product is not None}


def test_before_the_first_shift_nothing_was_planned_and_the_date_is_the_clocks():
    off = seed_work.unplanned(PLANT)
    assert off[: 6 * 3600].all()
    assert not off[6 * 3600]
    dates = [seed_work.business_date(PLANT, hour * 3600) for hour in (0, 6, 29, 30)]
    assert dates == [date(2026, 10, 5), date(2026, 10, 5), date(2026, 10, 5), date(2026, 10, 6)]
