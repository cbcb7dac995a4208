import { createServer } from "node:net";
import { groupContract } from "../process-group.laws.ts";
import { tcpGroup } from "./index.ts";

/** A port of loopback that was free a moment ago. */
const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

const secret = "a secret of these tests";
const openBy = (io: "system" | "node") => async (size: number, timeoutMs?: number) => {
  const address = `127.0.0.1:${await freePort()}`;
  return Promise.all(
    Array.from({ length: size }, (_, rank) => tcpGroup({ rank, size, address, secret, io, ...(timeoutMs ? { timeoutMs } : {}) })),
  );
};
groupContract("TCP by system calls", openBy("system"), { crash: rank => rank.crash() });
groupContract("TCP by Node", openBy("node"), { crash: rank => rank.crash() });
