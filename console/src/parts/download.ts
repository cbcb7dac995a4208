/** Saves a file that the page has made. */
export function download(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // after the browser has taken it up
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}
