/** The page's own icons: 20 by 20, strokes of 1.5 in the colour of the text. Always beside words or a label, so hidden from readers. */

const paths = {
  home: "M3.500 9.500 10 4l6.500 5.500M5.500 8v8.500h9V8M8.500 16.500v-4.500h3v4.500",
  playground: "M4 5.5h12a1 1 0 0 1 1 1v6.500a1 1 0 0 1-1 1H9.500L6 17v-3H4a1 1 0 0 1-1-1V6.500a1 1 0 0 1 1-1Z",
  data: "M3 4h14l-5.5 6.500V16l-3-1.500v-4Z",
  training: "M3 4v12h14M5.5 6c1.2 5.5 4 7 10.5 7.2",
  lineage: "M3 10h3.500M13.5 5.500H11C9 5.5 9 10 6.5 10 9 10 9 14.5 11 14.500h2.500M13.5 4h3v3h-3zM13.5 13h3v3h-3zM3 8.500h3.500v3H3z",
  engine: "M3.5 14.500a7.5 7.5 0 1 1 13 0M10 11.500l3-4.500M10 12.500a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z",
  models: "M10 3.5 17 7l-7 3.500L3 7ZM3.5 10.5 10 13.700l6.5-3.200M3.5 13.8 10 17l6.5-3.2",
  deployments: "M10 12V3.500M6.500 7 10 3.500 13.500 7M3.500 11.500v5h13v-5",
  releases: "M5 17V3.500M5 4h10l-2.500 3.500L15 11H5",
  evaluations: "M4 3.500h12v13H4zM7 8l1.500 1.500L11 6.500M7 13.500h6M13 8h.01",
  runs: "M3 16h14M5 12.500l3-4 3 2.500 5-6.500M13 4.500h3v3",
  cost: "M3 4v12.500h14M6.500 13.500V10M10 13.500V7M13.500 13.500V4.500",
  labels: "M3.5 4h6l7 7-5.500 5.500-7-7ZM7 7.500h.01",
  jobs: "M3.500 5h9M3.500 10h13M3.500 15h6M15.500 5h.01M12.500 15h4",
  start: "M6 4l10 6-10 6Z",
  gateway: "M4 16.500V8a6 6 0 0 1 12 0v8.500M10 16.500V2M3 16.500h14",
  watch: "M2.5 10h3.500l2-5 3.500 10 2.500-7 1.200 2H17.500",
  governance: "M10 3v13.500M5 16.500h10M4 6.500l6-2 6 2M4 6.500l-2 5h4ZM16 6.500l-2 5h4Z",
  copy: "M7.5 7.500h8.500v8.500H7.500zM4 12.500V4h8.5",
  check: "M4.5 10.5 8.5 14.5 15.5 6",
  retry: "M15.5 8A6 6 0 1 0 16 11.500M16 4.500V8.200h-3.7",
  stop: "M6 6h8v8H6z",
  send: "M4 10h11M10.5 5.5 15 10l-4.5 4.5",
  code: "M7 6 3 10l4 4M13 6l4 4-4 4",
  close: "M5.5 5.500l9 9M14.5 5.500l-9 9",
  dice: "M4 4h12v12H4zM7.5 7.500h.01M12.5 12.500h.01M12.5 7.500h.01M7.5 12.500h.01",
  plus: "M10 5v10M5 10h10",
  minus: "M5 10h10",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  down: "M6 8.5 10 12.500l4-4",
  alert: "M10 6.500v4.500M10 13.700h.01M10 3 18 16.500H2Z",
  trash: "M4.5 6h11M8 6V4h4v2M6 6l.7 10h6.600L14 6",
  pen: "M4 16l.8-3.500L13 4.300l2.7 2.7-8.2 8.200Z",
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg className="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
    <path
      d={paths[name]}
      fill={name === "stop" ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
);

/** Loam's mark: three layers of soil. */
export const Mark = () => (
  <svg className="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="9" className="mark-ground" />
    <g fill="none" strokeWidth="2.4" strokeLinecap="round">
      <path d="M7.5 11.500c4.5-3 7.5 2.6 17-.8" className="mark-grass" />
      <path d="M7.5 17c5-2.6 8.5 2.4 17-.6" className="mark-clay" />
      <path d="M7.5 22.500c5.5-2.2 9.5 2 17-.4" className="mark-earth" />
    </g>
  </svg>
);
