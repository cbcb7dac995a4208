/**
 * The page's service worker: it keeps the folder's files, so that the page works without a network, and answers with the headers that isolate the page
 * from other origins, which threads need and a static host may not send. It touches nothing outside its own folder.
 */

interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: string, heard: (event: WorkerEvent) => void): void;
}
interface WorkerEvent {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}
interface Cache {
  match(request: Request): Promise<Response | undefined>;
  put(request: Request, response: Response): Promise<void>;
}
declare const caches: { open(name: string): Promise<Cache> };

const scope = globalThis as unknown as WorkerScope;

function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** From the network while there is one, so that a new deployment is seen at once; else what was kept. */
async function answer(request: Request): Promise<Response> {
  const kept = await caches.open(`loam-web ${scope.registration.scope}`);
  try {
    const response = await fetch(request);
    if (response.status === 200) await kept.put(request, response.clone());
    return isolated(response);
  } catch (error) {
    const known = await kept.match(request);
    if (known) return isolated(known);
    throw error;
  }
}

scope.addEventListener("install", event => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", event => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", event => {
  if (event.request.method === "GET" && event.request.url.startsWith(scope.registration.scope)) event.respondWith(answer(event.request));
});
