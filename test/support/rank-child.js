/** A rank that does what a test tells it over a socket: LOAM_TEST_SOCKET. One call a message; arrays come back as the call left them. */
import { connect } from "node:net";
import { deserialize, serialize } from "node:v8";
import { joinRanks } from "../../dist/src/ranks/index.js";

const socket = connect(process.env.LOAM_TEST_SOCKET);
const groups = [];
const [timeoutMs, joinTimeoutMs] = [process.env.LOAM_TEST_TIMEOUT_MS, process.env.LOAM_TEST_JOIN_MS].map(t => (t ? Number(t) : undefined));

function tell(message) {
  const body = serialize(message);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  socket.write(Buffer.concat([head, body]));
}

async function call({ group, method, args }) {
  if (method === "block") {
    const until = Date.now() + args[0];
    while (Date.now() < until);
    return undefined;
  }
  if (method === "end") return process.exit(args[0]);
  const value = await groups[group][method](...args);
  if (method !== "subgroup") return value;
  groups.push(value);
  return { index: groups.length - 1, rank: value.rank, size: value.size };
}

let held = Buffer.alloc(0);
socket.on("error", () => process.exit(1));
socket.on("close", () => process.exit(0));
socket.on("data", bytes => {
  held = Buffer.concat([held, bytes]);
  while (held.length >= 4 && held.length >= 4 + held.readUInt32LE(0)) {
    const end = 4 + held.readUInt32LE(0);
    const message = deserialize(held.subarray(4, end));
    held = held.subarray(end);
    call(message).then(
      value => tell({ id: message.id, args: message.args, value }),
      error => tell({ id: message.id, error: { code: error.code, message: error.message } }),
    );
  }
});

try {
  const world = await joinRanks({ ...(timeoutMs ? { timeoutMs } : {}), ...(joinTimeoutMs ? { joinTimeoutMs } : {}) });
  groups.push(world);
  tell({ id: 0, value: { rank: world.rank, size: world.size, transport: world.transport, pid: process.pid } });
} catch (error) {
  tell({ id: 0, error: { code: error.code, message: error.message } });
  socket.end();
}
