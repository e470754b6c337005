// How figures and tables are written on a terminal, where a Chinese character is two columns wide.
export const size = (bytes) =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

export const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} 秒`;

const columns = (text) => Array.from(text).reduce((sum, char) => sum + (char.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
const padded = (text, width) => text + " ".repeat(Math.max(0, width - columns(text)));

/** Rows as a table with its columns under each other. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => columns(String(row[column])))));
  return rows.map((row) => row.map((cell, column) => padded(String(cell), widths[column])).join("  ").trimEnd()).join("\n");
}

export const say = (text = "") => process.stdout.write(`${text}\n`);

/** Does something and says how long it took. */
export async function timed(what, work) {
  const began = performance.now();
  const result = await work();
  const took = seconds(performance.now() - began);
  say(`  ${padded(what, 34)} ${took}${result?.said ? `  ${result.said}` : ""}`);
  return result;
}
