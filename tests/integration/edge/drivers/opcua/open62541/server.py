"""An OPC UA server of another stack, open62541 as PyPI's o6 has it, which obeys lines of JSON on its standard input.

`{"set": name, "value": ..}` writes a variable below Objects/Press, making it if there is none; `{"delete": name}`
deletes one. Each order is answered with a line `{}`. Without a licence o6 ends its process after ten minutes.
"""

import json
import sys

from o6 import Server


def answer(said: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main(port: int) -> None:
    """Serve until the input ends."""
    server = Server(port=port)
    press = server.addObject("Press", server.objectsNode, nodeId="ns=1;s=Press")
    nodes = {}
    server.start()
    answer({"port": port})
    for line in sys.stdin:
        order = json.loads(line)
        if "delete" in order:
            server.deleteNode(f"ns=1;s={order['delete']}")
            del nodes[order["delete"]]
        elif (name := order["set"]) in nodes:
            nodes[name](order["value"])
        else:
            nodes[name] = server.addVariable(name, press, order["value"], nodeId=f"ns=1;s={name}")
        answer({})
    server.stop()


main(int(sys.argv[1]))
