// The broker Aedes on a port of loopback: `node broker.js [PORT]`; says its port when it listens.
"use strict";
const aedes = require("aedes")({ queueLimit: 100000 });
const server = require("net").createServer(aedes.handle);
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
