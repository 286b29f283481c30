from simulators.machine import Protocol
from simulators.plant import fillers, plant, speaking


def test_fillers_stand_beside_the_plant() -> None:
    assert [(machine.device, machine.protocol) for machine in fillers(2)] == [
        ("filler-01", Protocol.SPARKPLUG),
        ("filler-02", Protocol.SPARKPLUG),
    ]


def test_the_demo_plant_has_twelve_machines_and_over_two_hundred_tags_on_three_protocols() -> None:
    machines = plant()
    assert len(machines) == 12
    assert sum(len(machine.signals) for machine in machines) == 204
    assert [len(speaking(machines, protocol)) for protocol in Protocol] == [4, 4, 4, 0]


def test_codes_and_signal_names_are_unique() -> None:
    machines = plant(20)
    assert len({machine.code for machine in machines}) == len(machines)
    for machine in machines:
        names = [signal.name for signal in machine.signals]
        assert len(set(names)) == len(names)
