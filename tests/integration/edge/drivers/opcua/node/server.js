// An OPC UA server of another stack (node-opcua): serves what the test tells it on standard input, one JSON a line.
"use strict";
const readline = require("node:readline");
const path = require("node:path");
const { OPCUAServer } = require("node-opcua-server");
const { Variant, DataType, VariantArrayType } = require("node-opcua-variant");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

async function main() {
  const root = process.argv[2];
  const port = Number(process.argv[3] || 0);
  const serverCertificateManager = new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: true,
    rootFolder: path.join(root, "pki"),
  });
  await serverCertificateManager.initialize();
  const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    serverCertificateManager,
    securityPolicies: [
      SecurityPolicy.None,
      SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    userManager: { isValidUser: (name, password) => name === "mes" && password === "s3cret" },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const namespace = space.getOwnNamespace();
  const press = namespace.addObject({ organizedBy: space.rootFolder.objects, browseName: "Press" });
  const kinds = { force: DataType.Double, count: DataType.UInt32, name: DataType.String };
  const nodes = {};
  for (const [name, dataType] of Object.entries(kinds)) {
    nodes[name] = namespace.addVariable({
      componentOf: press, browseName: name, nodeId: `s=Press.${name}`, dataType, minimumSamplingInterval: 0,
    });
    nodes[name].setValueFromSource({ dataType, value: dataType === DataType.String ? "first" : 0 });
  }
  nodes.zones = namespace.addVariable({
    componentOf: press, browseName: "zones", nodeId: "s=Press.zones", dataType: DataType.Float, valueRank: 1,
  });
  nodes.zones.setValueFromSource({ dataType: DataType.Float, arrayType: VariantArrayType.Array, value: [1.5, 2.5, 3.5] });
  const mode = namespace.addEnumerationType({ browseName: "Mode", enumeration: ["Off", "Setup", "Run"] });
  nodes.mode = namespace.addVariable({ componentOf: press, browseName: "mode", nodeId: "s=Press.mode", dataType: mode });
  nodes.mode.setValueFromSource({ dataType: DataType.Int32, value: 1 });
  nodes.kept = namespace.addVariable({ componentOf: press, browseName: "kept", nodeId: "s=Press.kept", dataType: DataType.Double });
  nodes.kept.setValueFromSource({ dataType: DataType.Double, value: 0 });
  space.installHistoricalDataNode(nodes.kept, { maxOnlineValues: 1000 });
  await server.start();
  const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
  say({ port: server.endpoints[0].port, namespace: namespace.index });
  readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    const order = JSON.parse(line);
    if (order.set) {
      const node = nodes[order.set];
      const now = new Date();
      node.setValueFromSource({ dataType: node.readValue().value.dataType, value: order.value }, undefined, now);
      say({ set: order.set });
    } else if (order.forget) {
      for (const session of Object.values(server.engine._sessions || {})) server.engine.closeSession(session.authenticationToken, true, "Forcing");
      say({ forget: true });
    } else if (order.stop) {
      await server.shutdown(0);
      process.exit(0);
    }
  }).on("close", () => process.exit(0));
}

main().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
