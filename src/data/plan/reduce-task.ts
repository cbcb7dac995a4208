/** A task of a shuffle: what came to one bin, through a round. */
import { binGroups, binRecords, blockOf } from "./bins.ts";
import type { JobContext } from "./context.ts";
import type { Wave } from "./job.ts";
import { outbox } from "./mail.ts";
import type { PartitionResult, TaskId } from "./workspace.ts";

export async function reduceTask(
  context: JobContext,
  id: TaskId,
  wave: Wave & { kind: "reduce" },
  signal: AbortSignal | undefined,
): Promise<PartitionResult> {
  const { workspace, tasksOf } = context;
  const output = await workspace.begin(id);
  const out = outbox(output, context);
  async function* blocks(): AsyncGenerator<Buffer> {
    for (const from of wave.from)
      for (let task = 0; task < tasksOf(from); task++) {
        const sender = { wave: from, task };
        const { files } = (await workspace.result(sender))!;
        for (const file of Object.keys(files))
          if (file.startsWith(`to-${wave.round}-${id.task}.`)) yield await workspace.read(sender, file);
      }
  }
  try {
    const round = context.plans[wave.position]!.phases[wave.phase]!.rounds[wave.round]!;
    if ("reduceStream" in round)
      await round.reduceStream(async function* () {
        for await (const block of blocks()) {
          signal?.throwIfAborted();
          if (out.isFull()) await out.flush();
          yield blockOf(binRecords([block]));
        }
      }, out);
    else {
      const all: Buffer[] = [];
      for await (const block of blocks()) all.push(block);
      for (const group of binGroups(binRecords(all), round)) {
        signal?.throwIfAborted();
        await round.reduce(group, out);
        if (out.isFull()) await out.flush();
      }
    }
    await out.flush();
    return await output.finish({});
  } catch (error) {
    await output.abandon().catch(() => {});
    throw error;
  }
}
