from edge.drivers.opcua.findings import unknown_node


def test_a_node_whose_case_is_wrong_is_recognized() -> None:
    names = ["ns=2;s=press-01.force_kn", "ns=2;s=press-01.oil_c", "ns=0;i=2258"]
    said = unknown_node("nsu=urn:plant;s=PRESS-01.FORCE_KN", names)
    assert said.startswith('did you mean node: "ns=2;s=press-01.force_kn"')


def test_a_node_like_no_other_is_to_be_looked_for() -> None:
    assert "tezgah-edge browse" in unknown_node("ns=2;s=xyz", ["ns=2;s=press-01.force_kn"])
