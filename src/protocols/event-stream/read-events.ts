/** The data of a stream of server-sent events, for who reads them one by one: comments and OpenAI's last word are left out. */
import { cutEvents } from "./cut-events.ts";
import { isDoneData } from "./event-text.ts";

export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const cutter = cutEvents();
  for await (const bytes of body)
    for (const { data } of cutter.push(Buffer.from(bytes))) if (data !== undefined && !isDoneData(data)) yield data;
}
