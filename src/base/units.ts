/** Numbers for people: bytes, durations, counts. One module, so that every page and line reads alike. */

export const formatCount = (n: number): string => Math.round(n).toLocaleString("en-US");

/** 1.2 kB, 3.4 MB: powers of 1,000. */
export function formatBytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  let x = n;
  while (Math.abs(x) >= 1000 && i < units.length - 1) {
    x /= 1000;
    i++;
  }
  return `${i === 0 ? x : x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0)} ${units[i]}`;
}

const byteUnits: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** "2GB", "512 MiB", 1000000 -> bytes. Undefined where it is none. */
export function parseBytes(text: string | number): number | undefined {
  if (typeof text === "number") return Number.isFinite(text) && text >= 0 ? Math.floor(text) : undefined;
  const m = /^(\d[\d_]*(?:\.\d+)?)\s*([kmgt]?i?b)$/i.exec(text.trim());
  const unit = m && byteUnits[m[2]!.toLowerCase()];
  return unit ? Math.floor(Number(m[1]!.replaceAll("_", "")) * unit) : undefined;
}

/** 0.4 s, 12 s, 3:05, 1:02:03. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "?";
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const total = Math.round(s);
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  return h > 0 ? `${h}:${two(m)}:${two(total % 60)}` : `${m}:${two(total % 60)}`;
}

/** "4M", "250k", "1_000", 12 -> number of things. Undefined where it is none. */
export function parseCount(text: string | number): number | undefined {
  if (typeof text === "number") return Number.isFinite(text) && text >= 0 ? text : undefined;
  const m = /^(\d[\d_]*(?:\.\d+)?)\s*([kKMGBT]?)$/.exec(text.trim());
  if (!m) return undefined;
  const scale: Record<string, number> = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, B: 1e9, T: 1e12 };
  return Number(m[1]!.replaceAll("_", "")) * scale[m[2]!]!;
}
