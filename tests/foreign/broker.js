// The broker Aedes on a port of loopback: `node broker.js [PORT [USERS]]`; says its port when it listens.
// USERS is JSON, name to password; without it everybody is let in.
"use strict";
const users = process.argv[3] ? JSON.parse(process.argv[3]) : null;
const authenticate = (client, user, password, done) =>
  users === null || (user in users && users[user] === String(password))
    ? done(null, true)
    : done(Object.assign(new Error("wrong user or password"), { returnCode: 4 }), false);
const aedes = require("aedes")({ queueLimit: 100000, authenticate });
const server = require("net").createServer(aedes.handle);
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
