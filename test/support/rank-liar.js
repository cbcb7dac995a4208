/** A rank of mpirun that sends the messages of the file LOAM_TEST_LIE, where its number is 1; an honest one elsewhere. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openMpi } from "../../dist/src/ranks/mpi/library.js";

if (process.env.OMPI_COMM_WORLD_RANK === "1") {
  const mpi = openMpi();
  mpi.allGather(new Uint8Array(64));
  const sent = JSON.parse(readFileSync(process.env.LOAM_TEST_LIE, "utf8")).map(text => mpi.send(0, Buffer.from(text, "base64")));
  for (;;) {
    for (const request of sent) request.isDone();
    await sleep(5);
  }
} else await import("./rank-child.js");
