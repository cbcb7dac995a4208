import { staticResponse } from "../../../base/index.ts";
import type { Answer } from "../../http/exchange.ts";
import type { WebArrival } from "../step.ts";

/** A file of the console's page: the same for everybody, without a key. */
export async function givePage({ gateway, request }: WebArrival): Promise<Answer> {
  const found = staticResponse(gateway.page!, request)!;
  return { status: found.status, headers: Object.fromEntries(found.headers), body: new Uint8Array(await found.arrayBuffer()) };
}
