"""Owns how the plant's OPC UA server is made: its endpoints, its certificate, its namespaces, a node a signal."""

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.crypto.cert_gen import generate_private_key, generate_self_signed_app_certificate
from asyncua.server.history import HistoryDict
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from simulators.machine import Machine
from simulators.opcua_nodes import TYPES, Node

NAMESPACE = "urn:tezgah:plant"
# what stands before it when indexes have moved
ANOTHER_NAMESPACE = "urn:tezgah:another-program"
_NAME = "Tezgah simulated plant"
_URI = "urn:tezgah:simulated-plant"
# values of each node that can be read from its history
_KEPT = 500
_DAYS = 3650
_POLICIES = [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's certificate with its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def new_identity() -> Identity:
    """Make a certificate that nobody trusts yet."""
    key, host = generate_private_key(), socket.gethostname()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(_URI), x509.DNSName(host)]
    usage = [ExtendedKeyUsageOID.SERVER_AUTH]
    certificate = generate_self_signed_app_certificate(key, _NAME, {"organizationName": "Tezgah"}, names, usage, _DAYS)
    return Identity(certificate, key)


async def make(
    url: str, machines: Sequence[Machine], identity: Identity, namespaces: Sequence[str], history: HistoryDict
) -> tuple[Server, list[list[Node]]]:
    """Make a server that does not serve yet; return it with each machine's nodes.

    Args:
        url: The endpoint.
        machines: Whose signals it has.
        identity: What it shows to clients that ask for security; it takes any certificate of theirs.
        namespaces: URIs in the order of their indexes, from the first that is free; the nodes are in `NAMESPACE`.
        history: Keeps the last values of each node.
    """
    # asyncua logs, with its traceback, what it raises as well
    logging.getLogger("asyncua.server.server").setLevel(logging.CRITICAL)
    server = Server()
    # its clock node would keep `stop` waiting for a second
    server.disable_clock()
    await server.init()
    await server.set_application_uri(_URI)
    server.set_server_name(_NAME)
    server.set_endpoint(url)
    server.iserver.certificate, server.iserver.private_key = identity.certificate, identity.key
    server.set_security_policy(_POLICIES)
    server.set_identity_tokens([ua.AnonymousIdentityToken])
    indexes = {uri: await server.register_namespace(uri) for uri in namespaces}
    nodes = [await _nodes(server, machine, indexes[NAMESPACE]) for machine in machines]
    server.iserver.history_manager.set_storage(history)
    for of_machine in nodes:
        for node in of_machine:
            await history.new_historized_node(node.id, None, _KEPT)
    return server, nodes


async def _nodes(server: Server, machine: Machine, namespace: int) -> list[Node]:
    folder = await server.nodes.objects.add_folder(
        ua.NodeId(ua.String(machine.device), ua.Int16(namespace)), f"{namespace}:{machine.code}"
    )
    nodes = []
    for signal in machine.signals:
        node_id = ua.NodeId(ua.String(f"{machine.device}.{signal.name}"), ua.Int16(namespace))
        node = Node(node_id, signal.name, signal.kind)
        first = ua.Variant(TYPES[signal.kind][1](0), node.type)
        variable = await folder.add_variable(node_id, f"{namespace}:{signal.name}", first)
        for level in (AttributeIds.AccessLevel, AttributeIds.UserAccessLevel):
            await variable.set_attr_bit(level, ua.AccessLevel.HistoryRead)
        nodes.append(node)
    return nodes
