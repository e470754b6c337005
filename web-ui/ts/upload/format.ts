// Sizes and words, written as the node writes them (src/format.rs).

export type Words = (key: string, values?: Record<string, string | number>) => string;

/** The messages that the page carries for this script. */
export function wordsOf(json: string): Words {
  const texts = JSON.parse(json) as Record<string, string>;
  return (key, values = {}) =>
    (texts[key] ?? key).replace(/\{([a-z]+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function about(words: Words, seconds: number): string {
  if (seconds < 60) return words("about-seconds", { n: Math.max(1, Math.ceil(seconds)) });
  return words("about-minutes", { n: Math.ceil(seconds / 60) });
}

/** A file's name without its ending. */
export function stem(name: string): string {
  return name.replace(/\.[^.]+$/, "").trim() || name;
}

/** The icon for a file, by the ending of its name (file_icon in src/pages/resource). */
export function icon(name: string): string {
  const ending = (/\.([^.]+)$/.exec(name)?.[1] ?? "").toLowerCase();
  if (/^(ppt|pptx|odp)$/.test(ending)) return "courseware";
  if (/^(xls|xlsx|csv)$/.test(ending)) return "paper";
  if (/^(mp4|webm|mkv|mov|avi)$/.test(ending)) return "video";
  if (/^(mp3|m4a|ogg|wav|flac)$/.test(ending)) return "audio";
  if (/^(png|jpe?g|webp|gif|svg)$/.test(ending)) return "image";
  if (ending === "epub") return "ebook";
  if (/^(zip|rar|7z)$/.test(ending)) return "material";
  return "lesson-plan";
}
