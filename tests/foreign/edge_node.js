// An edge node by Eclipse Tahu's client: `node edge_node.js PORT GROUP NODE`; obeys lines of JSON on its input:
// {"birth": [metrics], "device": {"id": "d", "metrics": [..]}}, {"data": [..]}, {"ddata": {..}}, {"ddeath": "d"}, {"stop": true}
"use strict";
const client = require("sparkplug-client");
const [port, group, node] = process.argv.slice(2);

let own = [];
let devices = {};
let edge = null;

// 64-bit numbers come as decimal text, since JSON's are doubles
const read = (metrics) => metrics.map((metric) => ({ ...metric, value: revive(metric.type, metric.value) }));
const revive = (type, value) => (/^U?Int64$/.test(type) && typeof value === "string" ? require("long").fromString(value, type[0] === "U") : value);
const say = (word) => process.stdout.write(word + "\n");

function bear() {
  edge.publishNodeBirth({ timestamp: Date.now(), metrics: own });
  for (const [id, metrics] of Object.entries(devices)) {
    edge.publishDeviceBirth(id, { timestamp: Date.now(), metrics });
  }
}

function obey(order) {
  if (order.birth) {
    own = read(order.birth);
    devices = order.device ? { [order.device.id]: read(order.device.metrics) } : {};
    edge = client.newClient({
      serverUrl: `mqtt://127.0.0.1:${port}`,
      username: "",
      password: "",
      groupId: group,
      edgeNode: node,
      clientId: `tahu-${process.pid}`,
      version: "spBv1.0",
    });
    edge.on("birth", () => { bear(); say("born"); });
    edge.on("ncmd", (payload) => {
      if ((payload.metrics || []).some((metric) => metric.name === "Node Control/Rebirth" && metric.value)) {
        say("asked");
        bear();
      }
    });
    edge.on("error", (error) => say(`error ${error}`));
  }
  if (order.data) edge.publishNodeData({ timestamp: Date.now(), metrics: read(order.data) });
  if (order.ddata) edge.publishDeviceData(order.ddata.id, { timestamp: Date.now(), metrics: read(order.ddata.metrics) });
  if (order.ddeath) edge.publishDeviceDeath(order.ddeath, { timestamp: Date.now() });
  if (order.stop) { edge.stop(); setTimeout(() => process.exit(0), 200); }
}

require("readline").createInterface({ input: process.stdin }).on("line", (line) => obey(JSON.parse(line)));
