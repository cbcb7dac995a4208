/** The page as files: markup, its policy, and headers for hosts that read them from the folder. */

/** Nothing is loaded or called but what lies beside the page; WebAssembly may be compiled, no other code made from text. */
export const webPolicy: string = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "connect-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const escaped = (text: string): string => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

export const pageMarkup = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${webPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<progress id="progress" aria-label="Download"></progress>
<form id="form">
<label for="prompt">Prompt</label>
<textarea id="prompt" rows="4" required></textarea>
<button id="send" disabled>Generate</button>
<button id="halt" type="button" hidden>Stop</button>
</form>
<pre id="output" aria-live="polite"></pre>
<p id="status" role="status">Loading</p>
</main>
</body>
</html>
`;

export const pageStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 44rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
textarea { box-sizing: border-box; width: 100%; font: inherit; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 3rem; font: inherit; }
progress { width: 100%; }
[hidden] { display: none; }
`;

/** Netlify, Cloudflare Pages and others read it; elsewhere the service worker sends the same. */
export const pageHeaders = `/*
  Content-Security-Policy: ${webPolicy}
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
  X-Content-Type-Options: nosniff
`;
