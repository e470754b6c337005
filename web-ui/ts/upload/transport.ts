// One file to the node, in pieces, going on where a broken link or a closed page left off.
//
//   POST  /api/v1/uploads {name, size}             -> {id, offset}
//   GET   /api/v1/uploads/{id}                     -> {id, offset}
//   PATCH /api/v1/uploads/{id}, Upload-Offset: N   -> {id, offset}   body: at most 4 MiB; 409 carries the true offset
import { csrf } from "../csrf";

/** Small enough that a dropped link repeats little, large enough that a LAN is not slowed by round trips. */
const PIECE_BYTES = 4 * 1024 * 1024;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Ids of unfinished uploads, by file, so that the same file chosen tomorrow goes on. */
const REMEMBERED = "kapok-upload:";

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export interface Watcher {
  sent(bytes: number): void;
  retrying(seconds: number): void;
}

/** What the node said no to; `message` is for the person. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export class Stopped extends Error {}

/** Sends and resolves with any answer; rejects only when there was none. */
export function send(
  method: string,
  path: string,
  body: Blob | string | null,
  headers: Record<string, string> = {},
  progress?: (loaded: number) => void,
  signal?: Stop,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.setRequestHeader("X-Kapok-CSRF", csrf());
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (progress) request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => resolve({ status: request.status, body: parse(request.responseText) });
    request.onerror = () => reject(new Error("no answer"));
    request.onabort = () => reject(new Stopped());
    signal?.onStop(() => request.abort());
    request.send(body);
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Lets a person give a file up. */
export class Stop {
  stopped = false;
  private readonly actions: Array<() => void> = [];

  onStop(action: () => void): void {
    this.actions.push(action);
  }

  now(): void {
    this.stopped = true;
    for (const action of this.actions.splice(0)) action();
  }
}

/** Resolves with the upload's id once the node has every byte. */
export async function sendFile(file: File, watcher: Watcher, stop: Stop): Promise<string> {
  const remembered = `${REMEMBERED}${file.name}|${file.size}|${file.lastModified}`;
  let upload = await patiently(() => begin(file, remembered), watcher, stop);
  while (upload.offset < file.size) {
    const { id, offset } = upload;
    watcher.sent(offset);
    const piece = file.slice(offset, offset + PIECE_BYTES);
    const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    upload = await patiently(
      async (again) => {
        // After a broken link nobody knows what arrived: ask, and go on from there.
        if (again) return where(id);
        const answer = await send("PATCH", `/api/v1/uploads/${id}`, piece, headers, (n) => watcher.sent(offset + n), stop);
        return answer.status === 409 ? where(id) : read(answer);
      },
      watcher,
      stop,
    );
  }
  watcher.sent(file.size);
  forget(remembered);
  return upload.id;
}

interface Upload {
  id: string;
  offset: number;
}

async function begin(file: File, remembered: string): Promise<Upload> {
  const known = recall(remembered);
  if (known) {
    const answer = await send("GET", `/api/v1/uploads/${known}`, null);
    if (answer.status === 200) return read(answer);
    forget(remembered);
  }
  const body = JSON.stringify({ name: file.name, size: file.size });
  const upload = read(await send("POST", "/api/v1/uploads", body, { "Content-Type": "application/json" }));
  remember(remembered, upload.id);
  return upload;
}

async function where(id: string): Promise<Upload> {
  return read(await send("GET", `/api/v1/uploads/${id}`, null));
}

function read(answer: Answer): Upload {
  const { id, offset } = answer.body;
  if (answer.status >= 200 && answer.status < 300 && typeof id === "string" && typeof offset === "number") {
    return { id, offset };
  }
  throw refused(answer);
}

/** The reason in a problem document (RFC 9457), in the words of the pages, or nothing. */
export function refused(answer: Answer): Refused {
  const { said } = answer.body;
  return new Refused(answer.status, typeof said === "string" ? said : "");
}

/** Tries until there is an answer; what the node refuses (4xx, 507) is not tried again. */
async function patiently<T>(attempt: (again: boolean) => Promise<T>, watcher: Watcher, stop: Stop): Promise<T> {
  let wait = RETRY_FIRST_MS;
  for (let again = false; ; again = true) {
    if (stop.stopped) throw new Stopped();
    try {
      return await attempt(again);
    } catch (error) {
      const final = error instanceof Refused && (error.status < 500 || error.status === 507);
      if (final || error instanceof Stopped) throw error;
    }
    watcher.retrying(Math.round(wait / 1000));
    await pause(wait, stop);
    wait = Math.min(wait * 2, RETRY_MAX_MS);
  }
}

function pause(milliseconds: number, stop: Stop): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, milliseconds);
    const early = (): void => {
      window.clearTimeout(timer);
      resolve();
    };
    window.addEventListener("online", early, { once: true });
    stop.onStop(early);
  });
}

// Storage may be forbidden (private windows): then an upload goes on only while the page is open.
function recall(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}
function remember(key: string, id: string): void {
  try {
    window.localStorage.setItem(key, id);
  } catch {
    return;
  }
}
function forget(key: string): void {
  try {
    window.localStorage.removeItem(key);
  } catch {
    return;
  }
}
