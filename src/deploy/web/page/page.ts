/** The page around the module: a prompt, a completion, and what runs it. */
import type { WebModel } from "./load.ts";

interface PageElement {
  textContent: string | null;
  value: string;
  hidden: boolean;
  disabled: boolean;
  max: number;
  addEventListener(type: string, heard: (event: { preventDefault(): void }) => void): void;
}
declare const document: { title: string; getElementById(id: string): PageElement };
declare const navigator: {
  readonly serviceWorker?: { register(url: URL): Promise<unknown>; readonly ready: Promise<unknown> };
};
declare const location: { reload(): void };
declare const sessionStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };

const at = (id: string): PageElement => document.getElementById(id);
const [status, form, prompt, output, send, halt, progress] = ["status", "form", "prompt", "output", "send", "halt", "progress"].map(at) as [
  PageElement,
  PageElement,
  PageElement,
  PageElement,
  PageElement,
  PageElement,
  PageElement,
];

/** Registers the worker; where the page is not isolated yet, it loads once more, through the worker, and then has threads. */
async function throughWorker(): Promise<boolean> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return false;
  try {
    await serviceWorker.register(new URL("./service-worker.js", import.meta.url));
    await serviceWorker.ready;
  } catch {
    return false;
  }
  if ((globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated || sessionStorage.getItem("isolated")) return false;
  sessionStorage.setItem("isolated", "tried");
  location.reload();
  return true;
}

let stopped: AbortController | undefined;

async function write(model: WebModel): Promise<void> {
  stopped = new AbortController();
  send.disabled = true;
  halt.hidden = false;
  output.textContent = "";
  const began = performance.now();
  const prompted = model.manifest.chat ? [{ role: "user", content: prompt.value }] : prompt.value;
  try {
    let pieces = 0;
    for await (const piece of model.generate(prompted, { maxTokens: 512, signal: stopped.signal })) {
      output.textContent += piece;
      pieces++;
    }
    status.textContent = `${model.device}, ${model.threads} thread${model.threads === 1 ? "" : "s"}, ${((1000 * pieces) / (performance.now() - began)).toFixed(1)} pieces/s`;
  } catch (error) {
    status.textContent = stopped.signal.aborted ? "stopped" : (error as Error).message;
  } finally {
    send.disabled = false;
    halt.hidden = true;
  }
}

async function open(): Promise<void> {
  if (await throughWorker()) return;
  try {
    const module = (await import(new URL("./loam-web.js", import.meta.url).href)) as typeof import("./load.ts");
    const model = await module.load({
      onProgress: ({ bytes, totalBytes }) => {
        progress.max = totalBytes;
        (progress as unknown as { value: number }).value = bytes;
      },
    });
    document.title = `${model.manifest.model}@${model.manifest.version}`;
    status.textContent = `${model.manifest.model}@${model.manifest.version}, ready: ${model.device}, ${model.threads} thread${model.threads === 1 ? "" : "s"}`;
    progress.hidden = true;
    send.disabled = false;
    form.addEventListener("submit", event => {
      event.preventDefault();
      void write(model);
    });
    halt.addEventListener("click", () => stopped?.abort());
  } catch (error) {
    status.textContent = (error as Error).message;
  }
}

void open();
