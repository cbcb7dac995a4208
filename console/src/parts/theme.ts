/** The style sheet's colours for what draws on a canvas: read where they are defined, again when the system turns dark or light. */
import { useEffect, useState } from "react";

const names = ["ink", "soft", "faint", "line", "surface", "accent", "clay", "ochre", "plum", "slate"] as const;
export type Colour = (typeof names)[number];
export type Theme = Readonly<Record<Colour, string>>;

function read(): Theme {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--${name}`).trim()])) as Record<Colour, string>;
}

export function useTheme(): Theme {
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const change = () => setTheme(read());
    dark.addEventListener("change", change);
    return () => dark.removeEventListener("change", change);
  }, []);
  return theme;
}
